#pragma once

#include <functional>
#include <span>

#include "athanor/op/dispatch.hpp"

namespace athanor::autograd {

/// Adds d loss / d leaf to grad() of every leaf that requires a gradient. `grad`: the gradient by
/// `loss` itself, default 1 for a one-element loss. The tape is released unless retain_graph is
/// set. Throws ValueError when loss has no history, when it has several elements and no `grad` is
/// given, when the tape was already released or when a saved tensor has been overwritten since.
void backward(const Tensor& loss, const Tensor& grad = {}, bool retain_graph = false);

struct GradOptions {
  bool create_graph = false;  ///< record the gradient too, for gradients of gradients
  bool retain_graph = false;
};

/// d (sum of outputs * grad_outputs) / d inputs; inputs may be leaves or intermediate tensors. An
/// input on which no output depends gives an undefined tensor. Nothing is added to grad().
TensorList grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                std::span<const Tensor> grad_outputs = {}, GradOptions options = {});

/// Looks at the gradient of a tensor, and may put another in its place; an undefined tensor leaves
/// it as it is.
using Hook = std::function<Tensor(const Tensor& grad)>;

/// Calls `hook` in every backward pass with the gradient of `tensor`, once it is complete and
/// before it goes on (to grad(), for a leaf). Hooks run in the order in which they were added.
/// Returns a number for remove_hook. Throws ValueError when the tensor requires no gradient.
std::uint64_t add_hook(const Tensor& tensor, Hook hook);
/// Takes a hook off again. False when it is no longer there.
bool remove_hook(const Tensor& tensor, std::uint64_t hook);

/// What the tape has recorded, for tests and `doctor`: nodes alive now.
std::size_t live_nodes();

}  // namespace athanor::autograd
