#include <algorithm>

#include "athanor/autograd/node.hpp"
#include "athanor/base/error.hpp"

namespace athanor::autograd {

std::uint64_t Hooks::add(Hook hook) {
  items_.emplace_back(next_, std::move(hook));
  return next_++;
}

bool Hooks::remove(std::uint64_t id) {
  return std::erase_if(items_, [&](const auto& item) { return item.first == id; }) > 0;
}

Tensor Hooks::run(Tensor grad) const {
  const auto items = items_;  // a hook may remove itself
  for (const auto& [id, hook] : items) {
    const Tensor changed = hook(grad);
    if (!changed.defined()) continue;
    require<ShapeError>(changed.shape() == grad.shape(),
                        "hook: it returned {}; a gradient must keep the shape {}",
                        describe(changed), to_string(grad.shape()));
    require<DTypeError>(changed.dtype() == grad.dtype(),
                        "hook: it returned {}; a gradient must keep the dtype {}",
                        describe(changed), name_of(grad.dtype()));
    grad = changed;
  }
  return grad;
}

namespace {

AutogradState& state_of(const Tensor& tensor) {
  require(tensor.requires_grad(), "hook: {} does not require a gradient; no hook would be called",
          describe(tensor));
  return *tensor.impl().autograd;
}

}  // namespace

std::uint64_t add_hook(const Tensor& tensor, Hook hook) {
  AutogradState& state = state_of(tensor);
  if (!state.hooks) {
    const auto hooks = make_ref<Hooks>();
    state.hooks = hooks;
    if (state.node) static_cast<Node&>(*state.node).set_hooks(state.output_index, hooks);
  }
  return static_cast<Hooks&>(*state.hooks).add(std::move(hook));
}

bool remove_hook(const Tensor& tensor, std::uint64_t hook) {
  AutogradState& state = state_of(tensor);
  return state.hooks && static_cast<Hooks&>(*state.hooks).remove(hook);
}

}  // namespace athanor::autograd
