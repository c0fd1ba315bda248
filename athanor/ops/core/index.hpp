#pragma once

#include <string_view>

#include "athanor/op/op.hpp"

namespace athanor::ops {

/// The index tensor as row-major i64 with every value in [0, size): negative ones count from the
/// end. Throws IndexError with the value and its place.
Tensor checked_index(const Tensor& index, std::int64_t size, std::string_view op);

/// Indices into the leading axes of a shape, one each, as one index into these axes joined: i64 of
/// the indices' common shape, every value inside. Throws IndexError with the value and its place.
Tensor joined_index(const Shape& shape, std::span<const Tensor> indices, std::string_view op);

/// The coordinates of row-major element `flat`.
Dims coordinates(const Shape& shape, std::int64_t flat);

/// Throws DTypeError unless the meta is of an integer dtype.
void require_index(std::string_view op, const TensorMeta& index);

}  // namespace athanor::ops
