#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "athanor/base/half.hpp"

namespace athanor {

/// Element types. Order is promotion order within a kind.
enum class DType : std::uint8_t { boolean, u8, i8, i32, i64, f16, bf16, f32, f64 };

inline constexpr int kDTypeCount = 9;
inline constexpr DType kAllDTypes[] = {DType::boolean, DType::u8,  DType::i8,
                                       DType::i32,     DType::i64, DType::f16,
                                       DType::bf16,    DType::f32, DType::f64};

/// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  constexpr std::size_t sizes[] = {1, 1, 1, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(dtype)];
}

/// "f32", "i64", "bool" ...
constexpr std::string_view name_of(DType dtype) {
  constexpr std::string_view names[] = {"bool", "u8",   "i8",  "i32", "i64",
                                        "f16",  "bf16", "f32", "f64"};
  return names[static_cast<int>(dtype)];
}

/// The dtype with that name. Throws ValueError with the list of names.
DType dtype_from_name(std::string_view name);

constexpr bool is_floating(DType dtype) { return dtype >= DType::f16; }
constexpr bool is_integral(DType dtype) { return dtype > DType::boolean && dtype < DType::f16; }

/// The dtype of a result that mixes a and b, as the Python array API standard promotes, and as
/// PyTorch does where the standard is silent: floating beats integral; f16 with bf16 gives f32; u8
/// with i8 gives i32.
DType promote(DType a, DType b);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::boolean;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::i8;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<Half> {
  static constexpr DType value = DType::f16;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

/// Calls f(T{}) with the C++ type of dtype.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::boolean: return f(bool{});
    case DType::u8: return f(std::uint8_t{});
    case DType::i8: return f(std::int8_t{});
    case DType::i32: return f(std::int32_t{});
    case DType::i64: return f(std::int64_t{});
    case DType::f16: return f(Half{});
    case DType::bf16: return f(BFloat16{});
    case DType::f32: return f(float{});
    case DType::f64: break;
  }
  return f(double{});
}

}  // namespace athanor
