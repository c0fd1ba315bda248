#pragma once

#include "athanor/ops/core/window.hpp"
#include "athanor/tensor/tensor.hpp"

namespace athanor::backends::cpu {

// Convolutions in float64 for gradient checks: rows are added to rows, each result by one thread in
// one order. All tensors are row-major f64; results are overwritten.
void conv_forward_f64(const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const ops::Window& window, std::int64_t groups, const Tensor& y);
void conv_input_grad_f64(const Tensor& grad, const Tensor& weight, const ops::Window& window,
                         std::int64_t groups, const Tensor& dx);
void conv_weight_grad_f64(const Tensor& x, const Tensor& grad, const ops::Window& window,
                          std::int64_t groups, const Tensor& dweight);

}  // namespace athanor::backends::cpu
