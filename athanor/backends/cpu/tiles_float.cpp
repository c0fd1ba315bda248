#include "athanor/backends/cpu/tiles_loops.hpp"

namespace athanor::backends::cpu {

namespace {

template <class T>
T rest(T a, T b) {
  const T r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

template <class T>
T larger(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
T smaller(T a, T b) {
  return a < b || a != a ? a : b;
}
template <class T>
T sign(T a) {
  return a != a ? a : static_cast<T>((a > 0) - (a < 0));
}

template <class T>
void fill(TileTable& t) {
  t.element_size = sizeof(T);
  set_unary<T, [](T a) { return a; }>(t, ScalarOp::argument);
  set_binary<T, [](T a, T b) { return a + b; }>(t, ScalarOp::add);
  set_binary<T, [](T a, T b) { return a - b; }>(t, ScalarOp::sub);
  set_binary<T, [](T a, T b) { return a * b; }>(t, ScalarOp::mul);
  set_binary<T, [](T a, T b) { return a / b; }>(t, ScalarOp::div);
  set_binary<T, [](T a, T b) { return larger(a, b); }>(t, ScalarOp::max);
  set_binary<T, [](T a, T b) { return smaller(a, b); }>(t, ScalarOp::min);
  set_binary<T, [](T a, T b) { return std::pow(a, b); }>(t, ScalarOp::pow);
  set_binary<T, [](T a, T b) { return rest(a, b); }>(t, ScalarOp::mod);
  set_unary<T, [](T a) { return -a; }>(t, ScalarOp::neg);
  set_unary<T, [](T a) { return std::fabs(a); }>(t, ScalarOp::abs);
  set_unary<T, [](T a) { return sign(a); }>(t, ScalarOp::sign);
  set_unary<T, [](T a) { return 1 / a; }>(t, ScalarOp::reciprocal);
  set_unary<T, [](T a) { return std::floor(a); }>(t, ScalarOp::floor);
  set_unary<T, [](T a) { return std::ceil(a); }>(t, ScalarOp::ceil);
  set_unary<T, [](T a) { return std::nearbyint(a); }>(t, ScalarOp::round);
  set_unary<T, [](T a) { return std::trunc(a); }>(t, ScalarOp::trunc);
  set_unary<T, [](T a) { return static_cast<T>(a != a); }>(t, ScalarOp::is_nan);
  set_comparisons<T>(t);
  set_real_functions<T, T>(t);
}

}  // namespace

void detail::fill_float_tables(TileTable& f32, TileTable& f64) {
  fill<float>(f32);
  fill<double>(f64);
}

}  // namespace athanor::backends::cpu
