#include "athanor/base/dtype.hpp"

#include <algorithm>

#include "athanor/base/error.hpp"

namespace athanor {

DType dtype_from_name(std::string_view name) {
  for (DType d : kAllDTypes)
    if (name_of(d) == name) return d;
  raise<ValueError>("no dtype is named '{}'; there are bool, u8, i8, i32, i64, f16, bf16, f32, f64",
                    name);
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  if (a == DType::f16 && b == DType::bf16) return DType::f32;
  if (a == DType::u8 && b == DType::i8) return DType::i32;
  return b;
}

}  // namespace athanor
