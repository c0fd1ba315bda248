#pragma once

#include "athanor/op/op.hpp"

// What the records of batch normalisation share.
namespace athanor::ops {

/// Statistics and parameters of half-precision images are kept in f32.
constexpr DType statistics_dtype(DType x) { return x == DType::f64 ? DType::f64 : DType::f32; }

/// Checks x: [N, C, ...], the per-channel vectors that follow it and the activation. `first` is the
/// index of the first vector in the op's signature.
void require_batch_norm(const OpDef& op, std::span<const TensorMeta> in, std::size_t first,
                        const Attrs& attrs);
/// All axes but 1.
Dims channel_axes(std::size_t rank);
/// Values of one channel: N times the picture. Throws ShapeError for a symbolic batch.
std::int64_t values_per_channel(const Shape& x);
/// A vector [C] as [1, C, 1, ...] in `dtype`.
Tensor per_channel(const Tensor& vector, std::size_t rank, DType dtype);
/// none | relu | relu6
Tensor activated(const Tensor& y, const std::string& activation);
/// The gradient that passes the activation backwards, by the value before it.
Tensor through_activation(const Tensor& grad, const Tensor& before, const std::string& activation);

}  // namespace athanor::ops
