#include "athanor/ops/operators.hpp"

#include <cmath>

namespace athanor {

Tensor number_like(double value, const Tensor& like) {
  DType dtype = like.dtype();
  if (!is_floating(dtype) && (dtype == DType::boolean || value != std::floor(value)))
    dtype = value == std::floor(value) ? DType::i64 : DType::f32;
  return Tensor::scalar(value, dtype);
}

}  // namespace athanor
