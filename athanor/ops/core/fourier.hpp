#pragma once

#include "athanor/op/op.hpp"

// What the records of Fourier transforms share. Complex numbers are the last axis, of size 2: real
// and imaginary part, as in ONNX.
namespace athanor::ops {

inline constexpr DTypeSet kFourierDTypes = dtype_bit(DType::f32) | dtype_bit(DType::f64);

/// The axis that is transformed, not negative. Throws IndexError, ShapeError when `complex` and the
/// last axis is not one of 2 or is the one to transform.
std::size_t fourier_axis(std::string_view op, const TensorMeta& x, const Attrs& attrs,
                         bool complex);

}  // namespace athanor::ops
