#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "athanor/base/small_vector.hpp"

namespace athanor {

using Dims = SmallVector<std::int64_t, 6>;
using Shape = Dims;
using Strides = Dims;

/// A dimension whose size is known only when a captured graph runs; allowed as the leading
/// dimension.
inline constexpr std::int64_t kDynamic = -1;

/// Product of the dimensions, 1 for rank 0. Throws ShapeError when it does not fit 2^62 or a
/// dimension is negative (kDynamic counts as an error: a symbolic shape has no element count).
std::int64_t element_count(std::span<const std::int64_t> shape);

/// True if a dimension is kDynamic.
bool is_dynamic(std::span<const std::int64_t> shape);

/// True if no dimension is negative, but for a leading one that may be kDynamic.
bool is_batch_shape(std::span<const std::int64_t> shape);

/// Row-major strides, in elements. Throws ShapeError when they do not fit 2^62.
Strides contiguous_strides(std::span<const std::int64_t> shape);

/// Strides of an [N, C, H, W] shape whose channels lie innermost (NHWC in memory). Any rank >= 3.
/// Throws ShapeError when they do not fit 2^62.
Strides channels_last_strides(std::span<const std::int64_t> shape);

/// NumPy broadcasting of two shapes. `op` names the caller in the ShapeError.
Shape broadcast_shapes(std::span<const std::int64_t> a, std::span<const std::int64_t> b,
                       std::string_view op);

/// axis in [-rank, rank) made non-negative. Throws IndexError.
std::int64_t normalize_axis(std::int64_t axis, std::int64_t rank, std::string_view op);

/// "[8,3,32,32]"
std::string to_string(std::span<const std::int64_t> shape);
inline std::string to_string(const Dims& shape) {
  return to_string(std::span<const std::int64_t>(shape));
}

}  // namespace athanor
