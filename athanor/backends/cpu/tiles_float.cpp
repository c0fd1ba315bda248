#include "athanor/backends/cpu/tiles_loops.hpp"

#include <cstring>

// SSE2, AVX2 and AVX-512 are enough: what lies between is rare.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/backends/cpu/tiles_float.cpp"
#include <hwy/foreach_target.h>
// clang-format off
#include <hwy/highway.h>
#include "athanor/backends/cpu/simd_math-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace athanor::backends::cpu {
namespace HWY_NAMESPACE {

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

// The rest of a tile is padded to a vector and goes through the same instructions: the value of an
// element does not depend on where it stands.
template <class T>
struct Padded {
  HWY_ALIGN T lanes[hn::MaxLanes(Tag<T>())];
  HWY_INLINE Vec<T> load(const T* from, std::size_t n) {
    const Tag<T> d;
    hn::Store(hn::Zero(d), d, lanes);
    std::memcpy(lanes, from, n * sizeof(T));
    return hn::Load(d, lanes);
  }
  HWY_INLINE void store(Vec<T> v, T* to, std::size_t n) {
    hn::Store(v, Tag<T>(), lanes);
    std::memcpy(to, lanes, n * sizeof(T));
  }
};

template <class T, class F>
void UnaryTile(const void* pa, const void*, const void*, void* out, std::size_t n) {
  const Tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* a = static_cast<const T*>(pa);
  T* y = static_cast<T*>(out);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(F::run(hn::LoadU(d, a + i)), d, y + i);
  if (i < n) {
    Padded<T> pad;
    pad.store(F::run(pad.load(a + i, n - i)), y + i, n - i);
  }
}

template <class T, class F, int mode>
void BinaryTile(const void* pa, const void* pb, const void*, void* out, std::size_t n) {
  const Tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T *a = static_cast<const T*>(pa), *b = static_cast<const T*>(pb);
  T* y = static_cast<T*>(out);
  const auto a0 = hn::Set(d, a[0]), b0 = hn::Set(d, b[0]);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(F::run(mode & 1 ? a0 : hn::LoadU(d, a + i), mode & 2 ? b0 : hn::LoadU(d, b + i)), d,
               y + i);
  if (i < n) {
    Padded<T> pad;
    const auto va = mode & 1 ? a0 : pad.load(a + i, n - i);
    const auto vb = mode & 2 ? b0 : pad.load(b + i, n - i);
    pad.store(F::run(va, vb), y + i, n - i);
  }
}

template <class T, int mode>
void WhereTile(const void* pc, const void* pa, const void* pb, void* out, std::size_t n) {
  const Tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T *c = static_cast<const T*>(pc), *a = static_cast<const T*>(pa),
          *b = static_cast<const T*>(pb);
  T* y = static_cast<T*>(out);
  const auto c0 = hn::Set(d, c[0]), a0 = hn::Set(d, a[0]), b0 = hn::Set(d, b[0]);
  const auto zero = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto vc = mode & 1 ? c0 : hn::LoadU(d, c + i);
    const auto va = mode & 2 ? a0 : hn::LoadU(d, a + i);
    const auto vb = mode & 4 ? b0 : hn::LoadU(d, b + i);
    hn::StoreU(hn::IfThenElse(hn::Eq(vc, zero), vb, va), d, y + i);
  }
  if (i < n) {
    Padded<T> pad;
    const auto vc = mode & 1 ? c0 : pad.load(c + i, n - i);
    const auto va = mode & 2 ? a0 : pad.load(a + i, n - i);
    const auto vb = mode & 4 ? b0 : pad.load(b + i, n - i);
    pad.store(hn::IfThenElse(hn::Eq(vc, zero), vb, va), y + i, n - i);
  }
}

template <class T>
void FillTile(const void* pa, const void*, const void*, void* out, std::size_t n) {
  const T a = *static_cast<const T*>(pa);
  T* y = static_cast<T*>(out);
  for (std::size_t i = 0; i < n; ++i) y[i] = a;
}

template <class T>
HWY_INLINE Vec<T> Truth(hn::Mask<Tag<T>> mask) {
  return hn::IfThenElseZero(mask, hn::Set(Tag<T>(), T{1}));
}

// One struct for each instruction, for vectors of f32 and f64. "Not equal" is always the opposite
// of Eq: with NaN, Ne differs between instruction sets.
#define ATH_UNARY(name, expression)          \
  template <class T>                         \
  struct name {                              \
    static HWY_INLINE Vec<T> run(Vec<T> a) { \
      const Tag<T> d;                        \
      (void)d;                               \
      return expression;                     \
    }                                        \
  };
#define ATH_BINARY(name, expression)                   \
  template <class T>                                   \
  struct name {                                        \
    static HWY_INLINE Vec<T> run(Vec<T> a, Vec<T> b) { \
      const Tag<T> d;                                  \
      (void)d;                                         \
      return expression;                               \
    }                                                  \
  };
ATH_UNARY(CopyOf, a)
ATH_UNARY(NegOf, hn::Neg(a))
ATH_UNARY(AbsOf, hn::Abs(a))
ATH_UNARY(SignOf, hn::IfThenElse(hn::IsNaN(a), a,
                                 hn::Sub(Truth<T>(hn::Gt(a, hn::Zero(d))),
                                         Truth<T>(hn::Lt(a, hn::Zero(d))))))
ATH_UNARY(ReciprocalOf, hn::Div(hn::Set(d, T{1}), a))
ATH_UNARY(SqrtOf, hn::Sqrt(a))
ATH_UNARY(RsqrtOf, hn::Div(hn::Set(d, T{1}), hn::Sqrt(a)))
ATH_UNARY(FloorOf, hn::Floor(a))
ATH_UNARY(CeilOf, hn::Ceil(a))
ATH_UNARY(RoundOf, hn::Round(a))
ATH_UNARY(TruncOf, hn::Trunc(a))
ATH_UNARY(NotOf, Truth<T>(hn::Eq(a, hn::Zero(d))))
ATH_UNARY(IsNaNOf, Truth<T>(hn::IsNaN(a)))
ATH_UNARY(ExpOf, Exp(a))
ATH_UNARY(Expm1Of, Expm1(a))
ATH_UNARY(LogOf, Log(a))
ATH_UNARY(Log1pOf, Log1p(a))
ATH_UNARY(SinOf, CircularAny<0>(a))
ATH_UNARY(CosOf, CircularAny<1>(a))
ATH_UNARY(TanhOf, Tanh(a))
ATH_UNARY(SigmoidOf, Sigmoid(a))
ATH_UNARY(ErfOf, Erf(a))
ATH_UNARY(AsinOf, Asin(a))
ATH_UNARY(AcosOf, Acos(a))
ATH_UNARY(AtanOf, Atan(a))
ATH_BINARY(Atan2Of, Atan2(a, b))
ATH_BINARY(AddOf, hn::Add(a, b))
ATH_BINARY(SubOf, hn::Sub(a, b))
ATH_BINARY(MulOf, hn::Mul(a, b))
ATH_BINARY(DivOf, hn::Div(a, b))
ATH_BINARY(MaxOf, hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b))
ATH_BINARY(MinOf, hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b))
ATH_BINARY(EqOf, Truth<T>(hn::Eq(a, b)))
ATH_BINARY(NeOf, Truth<T>(hn::Not(hn::Eq(a, b))))
ATH_BINARY(LtOf, Truth<T>(hn::Lt(a, b)))
ATH_BINARY(LeOf, Truth<T>(hn::Le(a, b)))
ATH_BINARY(GtOf, Truth<T>(hn::Gt(a, b)))
ATH_BINARY(GeOf, Truth<T>(hn::Ge(a, b)))
ATH_BINARY(AndOf, Truth<T>(hn::Not(hn::Or(hn::Eq(a, hn::Zero(d)), hn::Eq(b, hn::Zero(d))))))
ATH_BINARY(OrOf, Truth<T>(hn::Not(hn::And(hn::Eq(a, hn::Zero(d)), hn::Eq(b, hn::Zero(d))))))
#undef ATH_UNARY
#undef ATH_BINARY

template <class T, template <class> class F>
void Unary(TileTable& t, ScalarOp op) {
  auto& row = t.functions[static_cast<int>(op)];
  row[0] = row[1] = UnaryTile<T, F<T>>;
}

template <class T, template <class> class F>
void Binary(TileTable& t, ScalarOp op) {
  auto& row = t.functions[static_cast<int>(op)];
  row[0] = row[3] = BinaryTile<T, F<T>, 0>;
  row[1] = BinaryTile<T, F<T>, 1>;
  row[2] = BinaryTile<T, F<T>, 2>;
}

template <class T>
void FillArithmetic(TileTable& t) {
  t.element_size = sizeof(T);
  Unary<T, CopyOf>(t, ScalarOp::argument);
  t.functions[static_cast<int>(ScalarOp::argument)][1] = FillTile<T>;
  Unary<T, NegOf>(t, ScalarOp::neg);
  Unary<T, AbsOf>(t, ScalarOp::abs);
  Unary<T, SignOf>(t, ScalarOp::sign);
  Unary<T, ReciprocalOf>(t, ScalarOp::reciprocal);
  Unary<T, SqrtOf>(t, ScalarOp::sqrt);
  Unary<T, RsqrtOf>(t, ScalarOp::rsqrt);
  Unary<T, FloorOf>(t, ScalarOp::floor);
  Unary<T, CeilOf>(t, ScalarOp::ceil);
  Unary<T, RoundOf>(t, ScalarOp::round);
  Unary<T, TruncOf>(t, ScalarOp::trunc);
  Unary<T, NotOf>(t, ScalarOp::logical_not);
  Unary<T, IsNaNOf>(t, ScalarOp::is_nan);
  Binary<T, AddOf>(t, ScalarOp::add);
  Binary<T, SubOf>(t, ScalarOp::sub);
  Binary<T, MulOf>(t, ScalarOp::mul);
  Binary<T, DivOf>(t, ScalarOp::div);
  Binary<T, MaxOf>(t, ScalarOp::max);
  Binary<T, MinOf>(t, ScalarOp::min);
  Binary<T, EqOf>(t, ScalarOp::eq);
  Binary<T, NeOf>(t, ScalarOp::ne);
  Binary<T, LtOf>(t, ScalarOp::lt);
  Binary<T, LeOf>(t, ScalarOp::le);
  Binary<T, GtOf>(t, ScalarOp::gt);
  Binary<T, GeOf>(t, ScalarOp::ge);
  Binary<T, AndOf>(t, ScalarOp::logical_and);
  Binary<T, OrOf>(t, ScalarOp::logical_or);
  auto& row = t.functions[static_cast<int>(ScalarOp::where)];
  row[0] = row[7] = WhereTile<T, 0>;
  row[1] = WhereTile<T, 1>;
  row[2] = WhereTile<T, 2>;
  row[3] = WhereTile<T, 3>;
  row[4] = WhereTile<T, 4>;
  row[5] = WhereTile<T, 5>;
  row[6] = WhereTile<T, 6>;
}

void FillTables(TileTable& f32, TileTable& f64) {
  FillArithmetic<float>(f32);
  FillArithmetic<double>(f64);
  Unary<float, ExpOf>(f32, ScalarOp::exp);
  Unary<float, Expm1Of>(f32, ScalarOp::expm1);
  Unary<float, LogOf>(f32, ScalarOp::log);
  Unary<float, Log1pOf>(f32, ScalarOp::log1p);
  Unary<float, SinOf>(f32, ScalarOp::sin);
  Unary<float, CosOf>(f32, ScalarOp::cos);
  Unary<float, TanhOf>(f32, ScalarOp::tanh);
  Unary<float, SigmoidOf>(f32, ScalarOp::sigmoid);
  Unary<float, ErfOf>(f32, ScalarOp::erf);
  Unary<float, AsinOf>(f32, ScalarOp::asin);
  Unary<float, AcosOf>(f32, ScalarOp::acos);
  Unary<float, AtanOf>(f32, ScalarOp::atan);
  Binary<float, Atan2Of>(f32, ScalarOp::atan2);
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::backends::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::backends::cpu {

HWY_EXPORT(FillTables);

namespace {

// With the sign of the divisor.
template <class T>
T rest(T a, T b) {
  const T r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// Python's a // b. The quotient of two f32 is computed in f64, where it is whole but for less than
// its half.
template <class T>
T floor_quotient(T a, T b) {
  const auto u = static_cast<double>(a), v = static_cast<double>(b);
  if (v == 0) return a / b;
  const double r = std::fmod(u, v);
  const double q = (u - r) / v - (r != 0 && (r < 0) != (v < 0) ? 1 : 0);
  return static_cast<T>(q == 0 ? std::copysign(0.0, u / v) : std::round(q));
}

template <class T>
void fill_library_functions(TileTable& t) {
  set_binary<T, [](T a, T b) { return std::pow(a, b); }>(t, ScalarOp::pow);
  set_binary<T, [](T a, T b) { return rest(a, b); }>(t, ScalarOp::mod);
  set_binary<T, [](T a, T b) { return floor_quotient(a, b); }>(t, ScalarOp::floor_div);
  set_bits<T, std::int64_t>(t);
}

}  // namespace

void detail::fill_float_tables(TileTable& f32, TileTable& f64) {
  fill_library_functions<float>(f32);
  fill_library_functions<double>(f64);
  // f64 is for references and gradient checks: the C library's functions, rounded within an ulp.
  set_real_functions<double, double>(f64);
  HWY_DYNAMIC_DISPATCH(FillTables)(f32, f64);
}

}  // namespace athanor::backends::cpu
#endif
