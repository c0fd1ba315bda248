#pragma once

#include <cstdint>
#include <string_view>

#include "athanor/op/op.hpp"

// What pad's record and its kernel share.
namespace athanor::ops {

enum class PadMode : std::uint8_t { constant, reflect, replicate, circular };

/// Throws ValueError for another name.
PadMode pad_mode(std::string_view name);

/// The place in an axis of `size` elements whose value stands at `place`, which may lie outside by
/// as much as padded_shape allows. Not for constant.
std::int64_t padded_place(PadMode mode, std::int64_t place, std::int64_t size);

/// The shape of pad's result. Throws ShapeError, ValueError.
Shape padded_shape(const Shape& x, const Attrs& attrs);

}  // namespace athanor::ops
