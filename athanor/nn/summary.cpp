#include <map>

#include "athanor/nn/module.hpp"
#include "athanor/op/dispatch.hpp"

namespace athanor::nn {

namespace {

struct Shapes final : Observer {
  void ran(const Module& module, const Tensor&, const Tensor& output) override {
    outputs.emplace(&module, output.shape());
  }
  std::map<const Module*, Shape> outputs;
};

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

// Restores training or evaluation of every module, which may differ from one to the next.
class ModeGuard {
 public:
  explicit ModeGuard(Module& module) {
    for (const auto& entry : module.modules())
      modes_.emplace_back(entry.second, entry.second->training());
    module.eval();
  }
  ~ModeGuard() {
    // Parents come first: what train() sets below them is set right by the children's own entries.
    for (const auto& [module, training] : modes_) module->train(training);
  }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> modes_;
};

}  // namespace

std::string summary(Module& module, const Shape& input_shape) {
  Shapes shapes;
  {
    const NoGrad no_grad;
    const ModeGuard mode(module);
    const ObserverScope scope(shapes);
    module(Tensor::zeros(input_shape));
  }
  struct Row {
    std::string name, what, output, count;
  };
  std::vector<Row> rows{{"name", "module", "output", "parameters"}};
  for (const auto& [name, part] : module.modules()) {
    const auto found = shapes.outputs.find(part);
    if (found == shapes.outputs.end()) continue;
    std::int64_t own = 0;
    const bool leaf = part->children().empty();
    if (leaf) own = count_parameters(*part);
    rows.push_back({name.empty() ? "(model)" : name, part->describe(), to_string(found->second),
                    leaf ? grouped(own) : ""});
  }
  std::size_t widths[4] = {};
  for (const Row& row : rows) {
    widths[0] = std::max(widths[0], row.name.size());
    widths[1] = std::max(widths[1], row.what.size());
    widths[2] = std::max(widths[2], row.output.size());
    widths[3] = std::max(widths[3], row.count.size());
  }
  std::string text;
  for (const Row& row : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>{}}\n", row.name, widths[0], row.what,
                        widths[1], row.output, widths[2], row.count, widths[3]);
  return text + fmt::format("{} parameters, {} of them trained; input {}\n",
                            grouped(count_parameters(module)),
                            grouped(count_parameters(module, true)), to_string(input_shape));
}

}  // namespace athanor::nn
