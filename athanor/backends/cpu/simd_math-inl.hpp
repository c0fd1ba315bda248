// Elementary functions of f32 vectors. Included once for each instruction set, so the guard turns
// with hwy/foreach_target.h. Bounds of the errors are tested in tests/backends/pointwise_test.cpp.
#if defined(ATHANOR_BACKENDS_CPU_SIMD_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ATHANOR_BACKENDS_CPU_SIMD_MATH_INL
#undef ATHANOR_BACKENDS_CPU_SIMD_MATH_INL
#else
#define ATHANOR_BACKENDS_CPU_SIMD_MATH_INL
#endif

#include <cmath>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace athanor::backends::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using FloatV = hn::Vec<Floats>;
using Ints = hn::ScalableTag<std::int32_t>;

HWY_INLINE FloatV Number(float value) { return hn::Set(Floats(), value); }

/// c[0] * x^n + c[1] * x^(n-1) ...
template <std::size_t n>
HWY_INLINE FloatV Polynomial(FloatV x, const float (&c)[n]) {
  FloatV y = Number(c[0]);
  for (std::size_t i = 1; i < n; ++i) y = hn::MulAdd(y, x, Number(c[i]));
  return y;
}

/// 2^k for whole k in [-126, 127].
HWY_INLINE FloatV PowerOfTwo(hn::Vec<Ints> k) {
  const Ints di;
  return hn::BitCast(Floats(), hn::ShiftLeft<23>(hn::Add(k, hn::Set(di, 127))));
}

/// e^x; the polynomial of Cephes' expf (Moshier). Subnormal results are right too: the power of
/// two is applied in two halves.
HWY_INLINE FloatV Exp(FloatV x) {
  const Ints di;
  const FloatV limited = hn::Min(hn::Max(x, Number(-104.0f)), Number(89.0f));
  const FloatV n = hn::Round(hn::Mul(limited, Number(1.44269504f)));
  FloatV r = hn::NegMulAdd(n, Number(0.693359375f), limited);  // exact: 9 bits
  r = hn::NegMulAdd(n, Number(-2.12194440e-4f), r);
  const FloatV p = Polynomial(r, {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                  4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f});
  const FloatV y = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), Number(1.0f));
  const auto k = hn::ConvertTo(di, n);
  const auto half = hn::ShiftRight<1>(k);
  const FloatV scaled = hn::Mul(hn::Mul(y, PowerOfTwo(half)), PowerOfTwo(hn::Sub(k, half)));
  return hn::IfThenElse(hn::IsNaN(x), x, scaled);
}

/// e^x - 1: a Taylor polynomial up to 0.5 (its rest is below 2^-26 of the value).
HWY_INLINE FloatV Expm1(FloatV x) {
  const FloatV p =
      Polynomial(x, {1.0f / 40320, 1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f});
  const FloatV near = hn::MulAdd(hn::Mul(x, x), p, x);
  const FloatV far = hn::Sub(Exp(x), Number(1.0f));
  // Below 1e-18 the square is lost anyway, and -0 keeps its sign.
  const FloatV ax = hn::Abs(x);
  return hn::IfThenElse(hn::Lt(ax, Number(1e-18f)), x,
                        hn::IfThenElse(hn::Lt(ax, Number(0.5f)), near, far));
}

/// The natural logarithm; the polynomial of Cephes' logf.
HWY_INLINE FloatV Log(FloatV x) {
  const Ints di;
  const auto tiny = hn::Lt(x, Number(0x1p-126f));
  const FloatV normal = hn::IfThenElse(tiny, hn::Mul(x, Number(0x1p23f)), x);
  const auto bits = hn::BitCast(di, normal);
  FloatV e = hn::ConvertTo(Floats(), hn::Sub(hn::ShiftRight<23>(bits), hn::Set(di, 126)));
  e = hn::Sub(e, hn::IfThenElseZero(tiny, Number(23.0f)));
  FloatV m =
      hn::BitCast(Floats(), hn::Or(hn::And(bits, hn::Set(di, 0x7fffff)), hn::Set(di, 0x3f000000)));
  const auto low = hn::Lt(m, Number(0.707106781f));
  e = hn::Sub(e, hn::IfThenElseZero(low, Number(1.0f)));
  m = hn::Add(hn::Sub(m, Number(1.0f)), hn::IfThenElseZero(low, m));
  const FloatV z = hn::Mul(m, m);
  const FloatV p = Polynomial(m, {7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f,
                                  -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f,
                                  2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f});
  FloatV y = hn::Mul(hn::Mul(p, m), z);
  y = hn::MulAdd(e, Number(-2.12194440e-4f), y);
  y = hn::NegMulAdd(z, Number(0.5f), y);
  y = hn::MulAdd(e, Number(0.693359375f), hn::Add(m, y));
  y = hn::IfThenElse(hn::Eq(x, Number(HUGE_VALF)), x, y);
  y = hn::IfThenElse(hn::Eq(x, Number(0.0f)), Number(-HUGE_VALF), y);
  return hn::IfThenElse(hn::Ge(x, Number(0.0f)), y, Number(NAN));  // NaN fails the comparison
}

/// log(1 + x), corrected for the rounding of the sum (Kahan).
HWY_INLINE FloatV Log1p(FloatV x) {
  const FloatV one = Number(1.0f);
  const FloatV u = hn::Add(one, x);
  const FloatV y = Log(u);
  const FloatV lost = hn::Div(hn::Sub(x, hn::Sub(u, one)), u);
  const auto finite = hn::And(hn::Gt(u, Number(0.0f)), hn::Lt(u, Number(HUGE_VALF)));
  return hn::IfThenElse(hn::Eq(u, one), x, hn::IfThenElse(finite, hn::Add(y, lost), y));
}

/// Sine (quarter = 0) or cosine (quarter = 1) by Cephes' sinf and cosf, |x| <= kMaxAngle.
constexpr float kMaxAngle = 8192;
template <int quarter>
HWY_INLINE FloatV Circular(FloatV x) {
  const Ints di;
  const FloatV q = hn::Round(hn::Mul(x, Number(0.636619772f)));
  // pi / 2 in four parts; the products with the first two are exact.
  FloatV r = hn::NegMulAdd(q, Number(1.5703125f), x);
  r = hn::NegMulAdd(q, Number(4.837512969970703125e-4f), r);
  r = hn::NegMulAdd(q, Number(7.549790126404332e-08f), r);
  r = hn::NegMulAdd(q, Number(-1.7151245100058819e-15f), r);
  const FloatV z = hn::Mul(r, r);
  const FloatV sine = hn::MulAdd(
      hn::Mul(Polynomial(z, {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f}), z), r, r);
  const FloatV cosine = hn::MulAdd(
      hn::Mul(Polynomial(z, {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f}),
              z),
      z, hn::NegMulAdd(z, Number(0.5f), Number(1.0f)));
  const auto k = hn::Add(hn::ConvertTo(di, q), hn::Set(di, quarter));
  const auto odd = hn::Eq(hn::And(k, hn::Set(di, 1)), hn::Set(di, 1));
  const FloatV y = hn::IfThenElse(hn::RebindMask(Floats(), odd), cosine, sine);
  return hn::Xor(y, hn::BitCast(Floats(), hn::ShiftLeft<30>(hn::And(k, hn::Set(di, 2)))));
}

/// Any angle: lanes beyond kMaxAngle go through the C library, one by one.
template <int quarter>
HWY_INLINE FloatV CircularAny(FloatV x) {
  FloatV y = Circular<quarter>(x);
  if (quarter == 0) y = hn::IfThenElse(hn::Eq(x, hn::Zero(Floats())), x, y);  // keeps -0
  const auto near = hn::Le(hn::Abs(x), Number(kMaxAngle));
  if (HWY_LIKELY(hn::AllTrue(Floats(), near))) return y;
  const Floats d;
  HWY_ALIGN float in[hn::MaxLanes(d)], out[hn::MaxLanes(d)];
  hn::Store(x, d, in);
  hn::Store(y, d, out);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i)
    if (!(std::fabs(in[i]) <= kMaxAngle))
      out[i] = static_cast<float>(quarter ? std::cos(static_cast<double>(in[i]))
                                          : std::sin(static_cast<double>(in[i])));
  return hn::Load(d, out);
}

/// Cephes' tanhf near 0, 1 - 2 / (e^2x + 1) elsewhere.
HWY_INLINE FloatV Tanh(FloatV x) {
  const FloatV ax = hn::Abs(x), z = hn::Mul(x, x), one = Number(1.0f);
  const FloatV p = Polynomial(z, {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                                  1.33314422036e-1f, -3.33332819422e-1f});
  const FloatV near = hn::MulAdd(hn::Mul(p, z), x, x);
  const FloatV e = Exp(hn::Add(ax, ax));
  const FloatV far = hn::Sub(one, hn::Div(Number(2.0f), hn::Add(e, one)));
  return hn::CopySign(hn::IfThenElse(hn::Lt(ax, Number(0.625f)), near, far), x);
}

HWY_INLINE FloatV Sigmoid(FloatV x) {
  const FloatV one = Number(1.0f), e = Exp(hn::Neg(hn::Abs(x)));
  const FloatV top = hn::IfThenElse(hn::Lt(x, Number(0.0f)), e, one);
  return hn::Div(top, hn::Add(one, e));
}

/// The error function: a polynomial in x up to 0.9277, 1 - e^polynomial beyond it, both minimax
/// fits for the relative error.
HWY_INLINE FloatV Erf(FloatV x) {
  const FloatV z = hn::Mul(x, x), t = hn::Min(hn::Abs(x), Number(4.5f));
  const FloatV near = hn::MulAdd(Polynomial(z, {-5.96761703e-4f, 4.99119423e-3f, -2.67681349e-2f,
                                                1.12819925e-1f, -3.76125336e-1f, 1.28379166e-1f}),
                                 x, x);
  const FloatV r = Polynomial(t, {-1.72853470e-5f, 3.83197126e-4f, -3.88396438e-3f, 2.42546219e-2f,
                                  -1.06777877e-1f, -6.34846687e-1f, -1.28717512e-1f});
  const FloatV tail = Exp(hn::Sub(hn::Mul(r, t), t));
  const FloatV far = hn::CopySign(hn::Sub(Number(1.0f), tail), x);
  const FloatV y = hn::IfThenElse(hn::Gt(t, Number(0.927734375f)), far, near);
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

// pi / 2 as the sum of two floats.
constexpr float kQuarterTurn = 1.57079637f, kQuarterTurnRest = -4.37113883e-8f;

/// Two times pi / 2, or once, less r.
template <int quarters>
HWY_INLINE FloatV TurnLess(FloatV r) {
  return hn::Add(hn::Sub(Number(quarters * kQuarterTurn), r), Number(quarters * kQuarterTurnRest));
}

/// The arc whose sine is |x| up to 0.5; beyond it half the arc whose cosine is |x|: Cephes' asinf.
HWY_INLINE FloatV HalfArc(FloatV ax, hn::Mask<Floats> far) {
  const FloatV rest = hn::Mul(Number(0.5f), hn::Sub(Number(1.0f), ax));
  const FloatV z = hn::IfThenElse(far, rest, hn::Mul(ax, ax));
  const FloatV s = hn::IfThenElse(far, hn::Sqrt(rest), ax);
  const FloatV p = Polynomial(z, {4.2163199048e-2f, 2.4181311049e-2f, 4.5470025998e-2f,
                                  7.4953002686e-2f, 1.6666752422e-1f});
  return hn::MulAdd(hn::Mul(p, z), s, s);
}

HWY_INLINE FloatV Asin(FloatV x) {
  const FloatV ax = hn::Abs(x);
  const auto far = hn::Gt(ax, Number(0.5f));
  const FloatV arc = HalfArc(ax, far);
  return hn::CopySign(hn::IfThenElse(far, TurnLess<1>(hn::Add(arc, arc)), arc), x);
}

HWY_INLINE FloatV Acos(FloatV x) {
  const FloatV ax = hn::Abs(x);
  const auto far = hn::Gt(ax, Number(0.5f));
  const FloatV arc = HalfArc(ax, far), twice = hn::Add(arc, arc);
  const FloatV wide = hn::IfThenElse(hn::Lt(x, Number(0.0f)), TurnLess<2>(twice), twice);
  return hn::IfThenElse(far, wide, TurnLess<1>(hn::CopySign(arc, x)));
}

/// The arc tangent of t >= 0: Cephes' atanf, which turns by a quarter or an eighth first.
HWY_INLINE FloatV AtanPositive(FloatV t) {
  const FloatV one = Number(1.0f);
  const auto large = hn::Gt(t, Number(2.41421356f)), middle = hn::Gt(t, Number(0.414213562f));
  const FloatV top =
      hn::IfThenElse(large, Number(-1.0f), hn::IfThenElse(middle, hn::Sub(t, one), t));
  const FloatV bottom = hn::IfThenElse(large, t, hn::IfThenElse(middle, hn::Add(t, one), one));
  const FloatV r = hn::Div(top, bottom), z = hn::Mul(r, r);
  const FloatV p =
      Polynomial(z, {8.05374449538e-2f, -1.38776856032e-1f, 1.99777106478e-1f, -3.33329491539e-1f});
  const FloatV arc = hn::MulAdd(hn::Mul(p, z), r, r);
  const FloatV turns = hn::IfThenElse(large, one, hn::IfThenElseZero(middle, Number(0.5f)));
  return hn::MulAdd(turns, Number(kQuarterTurn), hn::MulAdd(turns, Number(kQuarterTurnRest), arc));
}

HWY_INLINE FloatV Atan(FloatV x) { return hn::CopySign(AtanPositive(hn::Abs(x)), x); }

/// The angle of the point (x, y), as C's atan2f also for zeros and infinities.
HWY_INLINE FloatV Atan2(FloatV y, FloatV x) {
  const FloatV ay = hn::Abs(y), ax = hn::Abs(x), zero = Number(0.0f);
  const auto steep = hn::Gt(ay, ax);
  const FloatV large = hn::IfThenElse(steep, ay, ax), small = hn::IfThenElse(steep, ax, ay);
  FloatV t = hn::Div(small, large);
  t = hn::IfThenElse(hn::Eq(large, zero), zero, t);
  t = hn::IfThenElse(hn::Eq(small, Number(HUGE_VALF)), Number(1.0f), t);
  FloatV arc = AtanPositive(t);
  arc = hn::IfThenElse(steep, TurnLess<1>(arc), arc);
  // The sign of x decides, also of a zero.
  const auto left = hn::Lt(hn::CopySign(Number(1.0f), x), zero);
  arc = hn::CopySign(hn::IfThenElse(left, TurnLess<2>(arc), arc), y);
  return hn::IfThenElse(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), hn::Add(x, y), arc);
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::backends::cpu
HWY_AFTER_NAMESPACE();

#endif
