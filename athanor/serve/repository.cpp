#include "athanor/serve/repository.hpp"

#include "athanor/serve/problem.hpp"

namespace athanor::serve {

void ModelRepository::add(std::shared_ptr<ServedModel> model, BatchOptions options) {
  const ModelInfo& info = model->info();
  require(!info.name.empty() && !info.version.empty(), "a served model needs a name and a version");
  require(!info.inputs.empty() && !info.outputs.empty(), "model {} has no inputs or no outputs",
          info.name);
  for (const auto* tensors : {&info.inputs, &info.outputs})
    for (const TensorInfo& tensor : *tensors)
      require(datatype_size(tensor.datatype) >= 0, "model {}: {} has unknown datatype '{}'",
              info.name, tensor.name, tensor.datatype);
  for (const ServedEntry& entry : entries_)
    require(entry.model->info().name != info.name || entry.model->info().version != info.version,
            "model {} version {} is served already", info.name, info.version);
  auto batcher = std::make_unique<Batcher>(model, options, metrics_);
  entries_.push_back({std::move(model), std::move(batcher)});
}

const ServedEntry& ModelRepository::find(std::string_view name, std::string_view version) const {
  const ServedEntry* found = nullptr;
  std::string names;
  for (const ServedEntry& entry : entries_) {
    const ModelInfo& info = entry.model->info();
    names += (names.empty() ? "" : ", ") + info.name + " " + info.version;
    if (info.name == name && (version.empty() || info.version == version)) found = &entry;
  }
  if (!found) {
    const std::string asked = fmt::format("{}{}{}", name.substr(0, 100), version.empty() ? "" : " ",
                                          version.substr(0, 20));
    refuse(404, "no-such-model",
           {fmt::format("there is no model '{}'", asked), fmt::format("没有模型 '{}'", asked)},
           {fmt::format("this server has: {}", names), fmt::format("可用模型：{}", names)});
  }
  return *found;
}

}  // namespace athanor::serve
