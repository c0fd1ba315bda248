#include <limits>
#include <type_traits>

#include "athanor/backends/cpu/tiles_loops.hpp"
#include "athanor/base/convert.hpp"

// The integer instructions. Everything is defined: sums and products wrap, division and remainder
// by zero give 0, the smallest number divided by -1 gives itself.
namespace athanor::backends::cpu {

namespace {

template <class T>
using Unsigned = std::conditional_t<sizeof(T) < 4, std::uint32_t, std::make_unsigned_t<T>>;

template <class T>
T wrapped(Unsigned<T> value) {
  return static_cast<T>(value);
}
template <class T>
T add(T a, T b) {
  return wrapped<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b));
}
template <class T>
T sub(T a, T b) {
  return wrapped<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b));
}
template <class T>
T mul(T a, T b) {
  return wrapped<T>(static_cast<Unsigned<T>>(a) * static_cast<Unsigned<T>>(b));
}

// Towards zero, as the conversion of a quotient does.
template <class T>
T quotient(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return sub(T{0}, a);
  }
  return static_cast<T>(a / b);
}

// With the sign of the divisor.
template <class T>
T rest(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
    const T r = static_cast<T>(a % b);
    return r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
  } else {
    return static_cast<T>(a % b);
  }
}

// Towards minus infinity.
template <class T>
T floor_quotient(T a, T b) {
  const T q = quotient(a, b);
  if constexpr (std::is_signed_v<T>) {
    if (b == 0 || b == -1) return q;
    return a % b != 0 && (a < 0) != (b < 0) ? static_cast<T>(q - 1) : q;
  }
  return q;
}

template <class T>
T power(T base, T exponent) {
  if constexpr (std::is_signed_v<T>) {
    if (exponent < 0) {
      if (base == 1) return 1;
      if (base == -1) return exponent % 2 ? T{-1} : T{1};
      return 0;
    }
  }
  T result = 1;
  for (std::make_unsigned_t<T> e = static_cast<std::make_unsigned_t<T>>(exponent); e;
       e = static_cast<std::make_unsigned_t<T>>(e >> 1)) {
    if (e & 1) result = mul(result, base);
    base = mul(base, base);
  }
  return result;
}

template <class T>
T sign(T a) {
  return static_cast<T>((a > 0) - (a < 0));
}

template <class T>
void fill(TileTable& t) {
  t.element_size = sizeof(T);
  set_unary<T, [](T a) { return a; }>(t, ScalarOp::argument);
  set_binary<T, [](T a, T b) { return add(a, b); }>(t, ScalarOp::add);
  set_binary<T, [](T a, T b) { return sub(a, b); }>(t, ScalarOp::sub);
  set_binary<T, [](T a, T b) { return mul(a, b); }>(t, ScalarOp::mul);
  set_binary<T, [](T a, T b) { return quotient(a, b); }>(t, ScalarOp::div);
  set_binary<T, [](T a, T b) { return b < a ? a : b; }>(t, ScalarOp::max);
  set_binary<T, [](T a, T b) { return a < b ? a : b; }>(t, ScalarOp::min);
  set_binary<T, [](T a, T b) { return power(a, b); }>(t, ScalarOp::pow);
  set_binary<T, [](T a, T b) { return rest(a, b); }>(t, ScalarOp::mod);
  set_binary<T, [](T a, T b) { return floor_quotient(a, b); }>(t, ScalarOp::floor_div);
  set_bits<T, T>(t);
  set_unary<T, [](T a) { return sub(T{0}, a); }>(t, ScalarOp::neg);
  set_unary<T, [](T a) { return a < 0 ? sub(T{0}, a) : a; }>(t, ScalarOp::abs);
  set_unary<T, [](T a) { return sign(a); }>(t, ScalarOp::sign);
  set_unary<T, [](T a) { return quotient(T{1}, a); }>(t, ScalarOp::reciprocal);
  for (const ScalarOp same : {ScalarOp::floor, ScalarOp::ceil, ScalarOp::round, ScalarOp::trunc})
    set_unary<T, [](T a) { return a; }>(t, same);
  set_unary<T, [](T) { return T{0}; }>(t, ScalarOp::is_nan);
  set_comparisons<T>(t);
  // Functions with fractions go through float64; records give them a floating result, so that only
  // a user's own expression comes here.
  set_real_functions<T, double>(t);
}

}  // namespace

void detail::fill_integer_tables(TileTable* tables) {
  fill<std::int64_t>(tables[2]);
  fill<std::int32_t>(tables[3]);
  fill<std::uint8_t>(tables[4]);
  fill<std::int8_t>(tables[5]);
}

}  // namespace athanor::backends::cpu
