#include "athanor/nn/module.hpp"

#include <fmt/ranges.h>

namespace athanor::nn {

namespace {

thread_local Observer* observer = nullptr;

constexpr std::string_view kTorchCounter = "num_batches_tracked";

}  // namespace

Tensor Module::operator()(const Tensor& x) {
  Tensor y = forward(x);
  if (observer) [[unlikely]]
    observer->ran(*this, x, y);
  return y;
}

ObserverScope::ObserverScope(Observer& next) : previous_(observer) { observer = &next; }
ObserverScope::~ObserverScope() { observer = previous_; }

void Module::collect(const std::string& prefix, bool buffers, std::vector<NamedTensor>& out) const {
  for (const NamedTensor& own : buffers ? buffers_ : parameters_)
    out.push_back({prefix + own.name, own.tensor});
  for (const auto& [name, child] : children_) child->collect(prefix + name + ".", buffers, out);
}

std::vector<NamedTensor> Module::parameters() const {
  std::vector<NamedTensor> out;
  collect("", false, out);
  return out;
}

std::vector<NamedTensor> Module::buffers() const {
  std::vector<NamedTensor> out;
  collect("", true, out);
  return out;
}

void Module::collect_modules(const std::string& name,
                             std::vector<std::pair<std::string, Module*>>& out) {
  out.emplace_back(name, this);
  for (const auto& [key, child] : children_)
    child->collect_modules(name.empty() ? key : name + "." + key, out);
}

std::vector<std::pair<std::string, Module*>> Module::modules() {
  std::vector<std::pair<std::string, Module*>> out;
  collect_modules("", out);
  return out;
}

void Module::train(bool on) {
  training_ = on;
  for (const auto& entry : children_) entry.second->train(on);
}

TensorMap Module::state_dict() const {
  TensorMap state;
  for (const auto& [name, tensor] : parameters()) state.emplace(name, tensor.detach());
  for (const auto& [name, tensor] : buffers()) state.emplace(name, tensor.detach());
  return state;
}

LoadResult Module::load_state_dict(const TensorMap& state, bool strict) {
  LoadResult result;
  std::vector<std::string> misfits;
  std::vector<std::pair<Tensor, Tensor>> copies;
  const TensorMap own = state_dict();
  for (const auto& [name, target] : own) {
    const auto found = state.find(name);
    if (found == state.end()) {
      result.missing.push_back(name);
    } else if (!(found->second.shape() == target.shape())) {
      misfits.push_back(fmt::format("{} (has {}, needs {})", name, athanor::describe(found->second),
                                    to_string(target.shape())));
    } else {
      copies.emplace_back(target, found->second);
    }
  }
  for (const auto& [name, tensor] : state)
    if (!own.contains(name) && !name.ends_with(kTorchCounter)) result.unexpected.push_back(name);
  const bool complete = !strict || (result.missing.empty() && result.unexpected.empty());
  if (!misfits.empty() || !complete) {
    std::string text = "the state does not fit the module";
    if (strict && !result.missing.empty())
      text += fmt::format("; missing: {}", fmt::join(result.missing, ", "));
    if (strict && !result.unexpected.empty())
      text += fmt::format("; unexpected: {}", fmt::join(result.unexpected, ", "));
    if (!misfits.empty()) text += fmt::format("; other shapes: {}", fmt::join(misfits, ", "));
    throw ValueError(text);
  }
  for (const auto& [target, source] : copies) target.copy_from(source);
  return result;
}

void Module::initialize(std::uint64_t seed) { initialize(InitScope{seed, ""}); }

void Module::initialize(const InitScope& scope) {
  for (const auto& [name, child] : children_)
    child->initialize(InitScope{scope.seed, scope.prefix + name + "."});
  reset(scope);
}

void Module::reset(const InitScope&) {}

void Module::check_new_name(const std::string& name) const {
  const auto taken = [&](const auto& list) {
    for (const NamedTensor& entry : list)
      if (entry.name == name) return true;
    return false;
  };
  bool child = false;
  for (const auto& entry : children_) child = child || entry.first == name;
  require(!name.empty() && name.find('.') == std::string::npos && !taken(parameters_) &&
              !taken(buffers_) && !child,
          "module: '{}' cannot be a name: it is empty, contains a dot or is taken", name);
}

Tensor Module::add_parameter(std::string name, Tensor tensor) {
  check_new_name(name);
  tensor.set_requires_grad(true);
  parameters_.push_back({std::move(name), tensor});
  return tensor;
}

Tensor Module::add_buffer(std::string name, Tensor tensor) {
  check_new_name(name);
  buffers_.push_back({std::move(name), tensor});
  return tensor;
}

void Module::adopt(std::string name, std::unique_ptr<Module> child) {
  check_new_name(name);
  ATH_ASSERT(child);
  child->train(training_);
  children_.emplace_back(std::move(name), std::move(child));
}

std::int64_t count_parameters(const Module& module, bool trainable) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : module.parameters())
    if (!trainable || tensor.requires_grad()) count += tensor.count();
  return count;
}

void set_trainable(const Module& module, bool on) {
  for (const auto& [name, tensor] : module.parameters()) tensor.set_requires_grad(on);
}

}  // namespace athanor::nn
