#pragma once

#include <optional>

#include "athanor/tensor/tensor.hpp"

namespace athanor::ops {

/// Strides with which `shape` (as many elements) views a tensor's memory, or nothing when only a
/// copy can have that shape.
std::optional<Strides> view_strides(const Shape& from, const Strides& strides, const Shape& shape);

}  // namespace athanor::ops
