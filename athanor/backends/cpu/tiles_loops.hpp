#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "athanor/backends/cpu/tiles.hpp"
#include "athanor/base/convert.hpp"

// Plain loops over a scalar function: instructions that have no SIMD form, and the integer types.
namespace athanor::backends::cpu {

template <class T, auto f>
void unary_loop(const void* pa, const void*, const void*, void* out, std::size_t n) {
  const T* a = static_cast<const T*>(pa);
  T* y = static_cast<T*>(out);
  for (std::size_t i = 0; i < n; ++i) y[i] = f(a[i]);
}

// A broadcast operand is read before the first write: the output may lie on it.
template <class T, auto f, int mode>
void binary_loop(const void* pa, const void* pb, const void*, void* out, std::size_t n) {
  const T *a = static_cast<const T*>(pa), *b = static_cast<const T*>(pb);
  T* y = static_cast<T*>(out);
  const T a0 = a[0], b0 = b[0];
  for (std::size_t i = 0; i < n; ++i) y[i] = f(mode & 1 ? a0 : a[i], mode & 2 ? b0 : b[i]);
}

template <class T, int mode>
void where_loop(const void* pc, const void* pa, const void* pb, void* out, std::size_t n) {
  const T *c = static_cast<const T*>(pc), *a = static_cast<const T*>(pa),
          *b = static_cast<const T*>(pb);
  T* y = static_cast<T*>(out);
  const T c0 = c[0], a0 = a[0], b0 = b[0];
  for (std::size_t i = 0; i < n; ++i) {
    const T yes = mode & 2 ? a0 : a[i], no = mode & 4 ? b0 : b[i];
    y[i] = (mode & 1 ? c0 : c[i]) != T{0} ? yes : no;
  }
}

template <class T>
void fill_loop(const void* pa, const void*, const void*, void* out, std::size_t n) {
  const T a = *static_cast<const T*>(pa);
  T* y = static_cast<T*>(out);
  for (std::size_t i = 0; i < n; ++i) y[i] = a;
}

template <class T, auto f>
void set_unary(TileTable& t, ScalarOp op) {
  auto& row = t.functions[static_cast<int>(op)];
  row[0] = row[1] = unary_loop<T, f>;
  if (op == ScalarOp::argument) row[1] = fill_loop<T>;
}

template <class T, auto f>
void set_binary(TileTable& t, ScalarOp op) {
  auto& row = t.functions[static_cast<int>(op)];
  row[0] = row[3] = binary_loop<T, f, 0>;
  row[1] = binary_loop<T, f, 1>;
  row[2] = binary_loop<T, f, 2>;
}

/// The bits of whole numbers of T, taken in I. A count outside the bits of I shifts all of them
/// out.
template <class T, class I>
struct Bits {
  static I whole(T a) { return convert_element<I>(a); }
  static bool outside(I count) { return count < 0 || count >= I{8 * sizeof(I)}; }
  static T left(T a, T b) {
    using U = std::make_unsigned_t<I>;
    const I count = whole(b);
    if (outside(count)) return T{0};
    return static_cast<T>(static_cast<I>(static_cast<U>(static_cast<U>(whole(a)) << count)));
  }
  static T right(T a, T b) {
    const I value = whole(a), count = whole(b);
    if (outside(count)) return static_cast<T>(value < 0 ? -1 : 0);
    return static_cast<T>(value >> count);
  }
};

template <class T, class I>
void set_bits(TileTable& t) {
  using B = Bits<T, I>;
  set_binary<T, [](T a, T b) { return static_cast<T>(B::whole(a) & B::whole(b)); }>(
      t, ScalarOp::bit_and);
  set_binary<T, [](T a, T b) { return static_cast<T>(B::whole(a) | B::whole(b)); }>(
      t, ScalarOp::bit_or);
  set_binary<T, [](T a, T b) { return static_cast<T>(B::whole(a) ^ B::whole(b)); }>(
      t, ScalarOp::bit_xor);
  set_binary<T, [](T a, T b) { return B::left(a, b); }>(t, ScalarOp::shift_left);
  set_binary<T, [](T a, T b) { return B::right(a, b); }>(t, ScalarOp::shift_right);
}

template <class T>
void set_comparisons(TileTable& t) {
  set_binary<T, [](T a, T b) { return static_cast<T>(a == b); }>(t, ScalarOp::eq);
  set_binary<T, [](T a, T b) { return static_cast<T>(a != b); }>(t, ScalarOp::ne);
  set_binary<T, [](T a, T b) { return static_cast<T>(a < b); }>(t, ScalarOp::lt);
  set_binary<T, [](T a, T b) { return static_cast<T>(a <= b); }>(t, ScalarOp::le);
  set_binary<T, [](T a, T b) { return static_cast<T>(a > b); }>(t, ScalarOp::gt);
  set_binary<T, [](T a, T b) { return static_cast<T>(a >= b); }>(t, ScalarOp::ge);
  set_binary<T, [](T a, T b) { return static_cast<T>(a != T{0} && b != T{0}); }>(
      t, ScalarOp::logical_and);
  set_binary<T, [](T a, T b) { return static_cast<T>(a != T{0} || b != T{0}); }>(
      t, ScalarOp::logical_or);
  set_unary<T, [](T a) { return static_cast<T>(a == T{0}); }>(t, ScalarOp::logical_not);
  auto& row = t.functions[static_cast<int>(ScalarOp::where)];
  row[0] = row[7] = where_loop<T, 0>;
  row[1] = where_loop<T, 1>;
  row[2] = where_loop<T, 2>;
  row[3] = where_loop<T, 3>;
  row[4] = where_loop<T, 4>;
  row[5] = where_loop<T, 5>;
  row[6] = where_loop<T, 6>;
}

/// One of the functions below: f(R) -> R for elements of T.
template <class T, class R, auto f>
void set_real(TileTable& t, ScalarOp op) {
  set_unary<T, [](T a) { return convert_element<T>(f(static_cast<R>(a))); }>(t, op);
}

/// The functions of the C library, computed in R.
template <class T, class R>
void set_real_functions(TileTable& t) {
  set_real<T, R, [](R a) { return std::sqrt(a); }>(t, ScalarOp::sqrt);
  set_real<T, R, [](R a) { return 1 / std::sqrt(a); }>(t, ScalarOp::rsqrt);
  set_real<T, R, [](R a) { return std::exp(a); }>(t, ScalarOp::exp);
  set_real<T, R, [](R a) { return std::expm1(a); }>(t, ScalarOp::expm1);
  set_real<T, R, [](R a) { return std::log(a); }>(t, ScalarOp::log);
  set_real<T, R, [](R a) { return std::log1p(a); }>(t, ScalarOp::log1p);
  set_real<T, R, [](R a) { return std::sin(a); }>(t, ScalarOp::sin);
  set_real<T, R, [](R a) { return std::cos(a); }>(t, ScalarOp::cos);
  set_real<T, R, [](R a) { return std::tanh(a); }>(t, ScalarOp::tanh);
  set_real<T, R, [](R a) { return std::erf(a); }>(t, ScalarOp::erf);
  set_real<T, R, [](R a) { return std::asin(a); }>(t, ScalarOp::asin);
  set_real<T, R, [](R a) { return std::acos(a); }>(t, ScalarOp::acos);
  set_real<T, R, [](R a) { return std::atan(a); }>(t, ScalarOp::atan);
  set_binary<T, [](T a, T b) {
    return convert_element<T>(std::atan2(static_cast<R>(a), static_cast<R>(b)));
  }>(t, ScalarOp::atan2);
  set_real<T, R, [](R a) {
    const R e = std::exp(-std::fabs(a));
    return a >= 0 ? 1 / (1 + e) : e / (1 + e);
  }>(t, ScalarOp::sigmoid);
}

}  // namespace athanor::backends::cpu
