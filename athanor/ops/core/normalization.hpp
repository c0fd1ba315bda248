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

// Normalisation of the last `dims` axes together (layer_norm, rms_norm).

/// Checks x: [..., N...] with `dims` last axes, the attributes, and the vectors that follow it from
/// input `first` on (each optional, of the last axes' shape). Throws ShapeError, DTypeError,
/// ValueError.
void require_trailing_norm(const OpDef& op, std::span<const TensorMeta> in, std::size_t first,
                           const Attrs& attrs);
/// The shape of the last `dims` axes.
Shape trailing_shape(const Shape& x, std::int64_t dims);
/// The last `dims` axes of `rank`, and the others.
Dims trailing_axes(std::int64_t rank, std::int64_t dims);
/// x summed over all but the last `dims` axes.
Tensor summed_to_trailing(const Tensor& x, std::int64_t dims);
/// Samples: `vectors` of the trailing shape, or none of them, behind x; `grad`: a second tensor of
/// x's shape.
std::vector<Sample> trailing_norm_samples(SampleMaker& m, int vectors, bool grad);
std::vector<BadSample> bad_trailing_norm(const std::string& op, int vectors, bool grad);

}  // namespace athanor::ops
