#pragma once

#include <cstddef>

#include "athanor/base/dtype.hpp"
#include "athanor/op/expr.hpp"

namespace athanor::backends::cpu {

inline constexpr int kScalarOpCount = static_cast<int>(ScalarOp::where) + 1;

/// One scalar instruction over n elements: out[i] = op(a[i], b[i], c[i]). out may be one of the
/// operands; the value of an element does not depend on its position.
using TileFn = void (*)(const void* a, const void* b, const void* c, void* out, std::size_t n);

/// The instructions of one compute type. Bit k of the mode says that operand k is one value for the
/// whole tile; not all operands are (then n = 1 does).
struct TileTable {
  TileFn functions[kScalarOpCount][8] = {};
  std::size_t element_size = 0;
};

/// `index`: position in kComputeTypes. Comparisons give 0 or 1 of the compute type. Integers wrap;
/// division and remainder by 0 give 0.
const TileTable& tile_table(int index);

/// Conversion of n elements that lie one behind the other (convert_element's rules).
using ConvertFn = void (*)(const void* from, void* to, std::size_t n);
ConvertFn convert_function(DType from, DType to);

namespace detail {
void fill_integer_tables(TileTable* tables);
void fill_float_tables(TileTable& f32, TileTable& f64);
}  // namespace detail

}  // namespace athanor::backends::cpu
