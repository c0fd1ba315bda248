#pragma once

#include "athanor/op/op.hpp"

// What the records for sequences [N, C, L] and volumes [N, C, D, H, W] share: they are lowered to
// the ops for pictures.
namespace athanor::ops {

/// Checks kernel, stride and padding of a pooling over `axes` axes and gives the output shape.
/// Throws ShapeError, ValueError; padding may be at most half the kernel.
Shape pooled_shape(std::string_view op, const TensorMeta& x, const Attrs& attrs, std::size_t axes);

/// A pooling of pictures: (x, kernel, stride, padding).
using PoolPictures = std::function<Tensor(const Tensor&, const Dims&, const Dims&, const Dims&)>;
/// The same over sequences or volumes: a window of a volume is one over its slices, then one over
/// what is left of the depth.
Tensor pool_by_pictures(const Tensor& x, const Attrs& attrs, const PoolPictures& pool);

std::vector<Sample> pool_samples(SampleMaker& m, std::size_t axes, bool distinct, bool count);
std::vector<BadSample> bad_pools(const std::string& op, std::size_t axes);

/// Picks every `step`-th slice along the depth (axis 2), `count` of them from `first` on, and joins
/// examples and slices: [N, C, D, H, W] -> [N count, C, H, W].
Tensor depth_slices(const Tensor& x, std::int64_t first, std::int64_t step, std::int64_t count);
/// Back: [N depth, C, H, W] -> [N, C, depth, H, W].
Tensor from_slices(const Tensor& slices, std::int64_t depth);

}  // namespace athanor::ops
