#pragma once

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

/// What the tape has recorded, for tests and `doctor`: nodes alive now.
std::size_t live_nodes();

}  // namespace athanor::autograd
