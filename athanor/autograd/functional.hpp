#pragma once

#include "athanor/autograd/autograd.hpp"

// Gradients of functions, beside those of tensors.
namespace athanor::autograd {

using TensorFunction = std::function<TensorList(const TensorList&)>;

/// What a function returns, and the derivatives asked for.
struct Derivatives {
  TensorList outputs;
  TensorList values;
};

/// Vector-Jacobian product: the gradients of the sum of outputs * cotangents by the inputs, zeros
/// where an output does not depend on one. `cotangents`: one for each output, of its shape.
/// `create_graph` records them. Throws ShapeError, ValueError.
Derivatives vjp(const TensorFunction& function, std::span<const Tensor> inputs,
                std::span<const Tensor> cotangents, bool create_graph = false);

/// Jacobian-vector product: the directional derivatives of the outputs along `tangents`, one for
/// each input, of its shape. Taken as the gradient of a gradient (Townsend 2017), so it works for
/// every op that has a second gradient.
Derivatives jvp(const TensorFunction& function, std::span<const Tensor> inputs,
                std::span<const Tensor> tangents, bool create_graph = false);

/// The matrix of all derivatives of the first output by `input`: [outputs..., inputs...].
Tensor jacobian(const std::function<Tensor(const Tensor&)>& function, const Tensor& input,
                bool create_graph = false);

struct CheckOptions {
  double epsilon = 1e-6;   ///< step of the central difference
  double absolute = 1e-6;  ///< |analytic - numeric| <= absolute + relative * |numeric|
  double relative = 1e-5;
  bool second = false;  ///< the gradient of the gradient too
};

/// Compares the gradients of `function` by central differences of it, in f64: every element of
/// every input that requires a gradient. The outputs are weighted at random, so that no two errors
/// cancel. Throws ValueError that names input, element and both numbers; DTypeError for an input
/// that is not f64.
void check_gradients(const TensorFunction& function, std::span<const Tensor> inputs,
                     const CheckOptions& options = {});

}  // namespace athanor::autograd
