#pragma once

#include <span>
#include <string>
#include <string_view>

#include "athanor/base/error.hpp"
#include "athanor/op/op.hpp"

namespace athanor {

/// "f32[8,3,32,32]"; a dimension known only at run time is "?".
std::string describe(const TensorMeta& meta);

}  // namespace athanor

// What the infer functions of the records share. Every check names the op, what came and what would
// work.
namespace athanor::ops {

/// "[1,-1]": the numbers of an attribute, in which -1 is no unknown dimension.
std::string list_of(const Dims& numbers);

/// "f32, f64"
std::string names_of(DTypeSet dtypes);

/// Throws DTypeError when the input's dtype is not one of `dtypes`.
void require_dtype(std::string_view op, std::string_view input, const TensorMeta& meta,
                   DTypeSet dtypes);
/// Throws DTypeError when the two inputs differ in dtype.
void require_same_dtype(std::string_view op, std::string_view name_a, const TensorMeta& a,
                        std::string_view name_b, const TensorMeta& b);
/// Throws ShapeError when the rank is not `rank`.
void require_rank(std::string_view op, std::string_view input, const TensorMeta& meta,
                  std::int64_t rank);
/// Throws ValueError unless `value` is one of `choices`.
void require_choice(std::string_view op, std::string_view attribute, std::string_view value,
                    std::span<const std::string_view> choices);
/// none | mean | sum
void require_reduction(std::string_view op, std::string_view reduction);

/// Axes made non-negative and sorted. An empty list means all axes if `empty_is_all`. Throws
/// IndexError for an axis outside the rank, ValueError for one that is named twice.
Dims normalize_axes(const Dims& axes, std::int64_t rank, std::string_view op,
                    bool empty_is_all = true);
/// The shape after a reduction over sorted axes; they stay with size 1 if `keep`.
Shape reduced_shape(const Shape& shape, const Dims& axes, bool keep);
/// True if the sorted list contains the axis.
bool contains_axis(const Dims& axes, std::int64_t axis);
/// Product of the dimensions that are known.
std::int64_t static_count(std::span<const std::int64_t> shape);
/// Throws ShapeError when the axis is kDynamic: `what` says what the op would do with it.
void require_static_axis(std::string_view op, const TensorMeta& meta, std::int64_t axis,
                         std::string_view what);

/// Shape of `reshape` (-1 is inferred once, 0 keeps that dimension of x). Throws ShapeError.
Shape resolve_reshape(const Shape& x, const Dims& wanted, std::string_view op);

/// An integer tensor as an i64 row-major tensor, for plain loops.
Tensor as_i64(const Tensor& t);

/// For references: a row-major tensor of `dtype` from float64 values.
Tensor from_doubles(const std::vector<double>& values, const Shape& shape, DType dtype);

}  // namespace athanor::ops
