#include "athanor/backends/cpu/simd.hpp"

#include <limits>

// SSE4, AVX2 and AVX-512 are enough: what lies between is rare.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/backends/cpu/simd.cpp"
#include <hwy/foreach_target.h>
// clang-format off
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace athanor::backends::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

double SumRun(const float* x, std::int64_t count) {
  const D d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  double total = 0;
  std::int64_t i = 0;
  while (i < count) {
    const std::int64_t end = count - i < 4096 ? count : i + 4096;
    V a = hn::Zero(d), b = a, c = a, e = a;
    for (; i + 4 * n <= end; i += 4 * n) {
      a = hn::Add(a, hn::LoadU(d, x + i));
      b = hn::Add(b, hn::LoadU(d, x + i + n));
      c = hn::Add(c, hn::LoadU(d, x + i + 2 * n));
      e = hn::Add(e, hn::LoadU(d, x + i + 3 * n));
    }
    for (; i + n <= end; i += n) a = hn::Add(a, hn::LoadU(d, x + i));
    double rest = 0;
    for (; i < end; ++i) rest += static_cast<double>(x[i]);
    const V lanes = hn::Add(hn::Add(a, b), hn::Add(c, e));
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, lanes))) + rest;
  }
  return total;
}

void AddRows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
             float* HWY_RESTRICT totals) {
  std::int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float* a = x + r * stride;
    const float *b = a + stride, *c = b + stride, *e = c + stride;
    for (std::int64_t i = 0; i < columns; ++i) totals[i] += (a[i] + b[i]) + (c[i] + e[i]);
  }
  for (; r < rows; ++r) {
    const float* a = x + r * stride;
    for (std::int64_t i = 0; i < columns; ++i) totals[i] += a[i];
  }
}

template <bool kMax>
float ExtremeRun(const float* x, std::int64_t count) {
  const D d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float best = kMax ? -kInfinity : kInfinity;
  bool nan = false;
  std::int64_t i = 0;
  const auto pick = [](V a, V b) { return kMax ? hn::Max(a, b) : hn::Min(a, b); };
  if (count >= n) {
    V a = hn::Set(d, best), b = a;
    auto nans = hn::MaskFromVec(hn::Zero(d));
    for (; i + 2 * n <= count; i += 2 * n) {
      const V u = hn::LoadU(d, x + i), v = hn::LoadU(d, x + i + n);
      a = pick(a, u);
      b = pick(b, v);
      nans = hn::Or(nans, hn::IsNaN(hn::Add(hn::Mul(u, hn::Zero(d)), hn::Mul(v, hn::Zero(d)))));
    }
    for (; i + n <= count; i += n) {
      const V u = hn::LoadU(d, x + i);
      a = pick(a, u);
      nans = hn::Or(nans, hn::IsNaN(u));
    }
    // The masks also hold infinities (inf * 0): only then a second look is needed.
    if (!hn::AllFalse(d, nans))
      for (std::int64_t k = 0; k < i; ++k) nan = nan || x[k] != x[k];
    a = pick(a, b);
    best = hn::GetLane(kMax ? hn::MaxOfLanes(d, a) : hn::MinOfLanes(d, a));
  }
  for (; i < count; ++i) {
    nan = nan || x[i] != x[i];
    best = (kMax ? x[i] > best : x[i] < best) ? x[i] : best;
  }
  return nan ? std::numeric_limits<float>::quiet_NaN() : best;
}

float PeakRun(const float* x, std::int64_t count) {
  const D d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  V a = lowest, b = lowest;
  std::int64_t i = 0;
  for (; i + 2 * n <= count; i += 2 * n) {
    a = hn::Max(hn::LoadU(d, x + i), a);
    b = hn::Max(hn::LoadU(d, x + i + n), b);
  }
  for (; i + n <= count; i += n) a = hn::Max(hn::LoadU(d, x + i), a);
#if !HWY_MEM_OPS_MIGHT_FAULT
  if (i < count) {
    const auto rest = hn::FirstN(d, static_cast<std::size_t>(count - i));
    b = hn::Max(hn::IfThenElse(rest, hn::MaskedLoad(rest, d, x + i), lowest), b);
  }
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(a, b)));
#else
  float best = hn::GetLane(hn::MaxOfLanes(d, hn::Max(a, b)));
  for (; i < count; ++i) best = x[i] > best ? x[i] : best;
  return best;
#endif
}

float MaxRun(const float* x, std::int64_t count) { return ExtremeRun<true>(x, count); }
float MinRun(const float* x, std::int64_t count) { return ExtremeRun<false>(x, count); }

template <bool kMax>
void ExtremeRows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                 float* HWY_RESTRICT best) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* a = x + r * stride;
    for (std::int64_t i = 0; i < columns; ++i) {
      const bool wins = (kMax ? a[i] > best[i] : a[i] < best[i]) | (a[i] != a[i]);
      best[i] = wins ? a[i] : best[i];
    }
  }
}

void MaxRows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
             float* best) {
  ExtremeRows<true>(x, rows, stride, columns, best);
}
void MinRows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
             float* best) {
  ExtremeRows<false>(x, rows, stride, columns, best);
}

void WidenHalf(const Half* from, float* to, std::int64_t count) {
  const D d;
  const hn::Rebind<hwy::float16_t, D> h;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* bits = reinterpret_cast<const hwy::float16_t*>(from);
  std::int64_t i = 0;
  for (; i + n <= count; i += n) hn::StoreU(hn::PromoteTo(d, hn::LoadU(h, bits + i)), d, to + i);
  for (; i < count; ++i) to[i] = from[i];
}

void NarrowHalf(const float* from, Half* to, std::int64_t count) {
  std::int64_t i = 0;
#if HWY_TARGET <= HWY_AVX2  // with F16C: one instruction, rounding to nearest even
  const D d;
  const hn::Rebind<hwy::float16_t, D> h;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  auto* bits = reinterpret_cast<hwy::float16_t*>(to);
  for (; i + n <= count; i += n) hn::StoreU(hn::DemoteTo(h, hn::LoadU(d, from + i)), h, bits + i);
#endif
  for (; i < count; ++i) to[i] = Half(from[i]);
}

void WidenBFloat16(const BFloat16* from, float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = detail::bfloat16_bits_to_float(from[i].bits);
}

void NarrowBFloat16(const float* from, BFloat16* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i].bits = detail::float_to_bfloat16_bits(from[i]);
}

// exp for x <= about 88: 2^k * p(r) with |r| <= ln(2)/2; p is the polynomial of Cephes (Moshier),
// relative error below 2^-22. Results below the smallest normal number become 0 or subnormal, NaN
// stays NaN.
HWY_INLINE V Polynomial(D d, V r) {
  V p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  return hn::MulAdd(p, hn::Mul(r, r), hn::Add(r, hn::Set(d, 1.0f)));
}

HWY_INLINE V Exp(D d, V x) {
#if HWY_TARGET == HWY_AVX3
  // Scaling by 2^k is one instruction, which also takes care of what is too small. max gives its
  // second operand when one is NaN.
  const V c{_mm512_max_ps(_mm512_set1_ps(-200.0f), x.raw)};
  const V k = hn::Round(hn::Mul(c, hn::Set(d, 1.44269504f)));
  V r = hn::NegMulAdd(k, hn::Set(d, 0.693359375f), c);
  r = hn::NegMulAdd(k, hn::Set(d, -2.12194440e-4f), r);
  return V{_mm512_scalef_ps(Polynomial(d, r).raw, k.raw)};
#else
  const hn::RebindToSigned<D> di;
  const V low = hn::Set(d, -87.33654f);
  const V k = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504f)));
  V r = hn::NegMulAdd(k, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(k, hn::Set(d, -2.12194440e-4f), r);
  const auto e = hn::ConvertTo(di, k);
  const V y = hn::BitCast(d, hn::Add(hn::BitCast(di, Polynomial(d, r)), hn::ShiftLeft<23>(e)));
  const V kept = hn::IfThenZeroElse(hn::Lt(x, low), y);
  return hn::IfThenElse(hn::IsNaN(x), x, kept);
#endif
}

template <bool kStore>
float ExpSumLoop(const float* x, float shift, float* y, std::int64_t count) {
  const D d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  const V s = hn::Set(d, shift);
  V a = hn::Zero(d), b = a;
  std::int64_t i = 0;
  for (; i + 2 * n <= count; i += 2 * n) {
    const V u = Exp(d, hn::Sub(hn::LoadU(d, x + i), s));
    const V v = Exp(d, hn::Sub(hn::LoadU(d, x + i + n), s));
    if (kStore) hn::StoreU(u, d, y + i), hn::StoreU(v, d, y + i + n);
    a = hn::Add(a, u);
    b = hn::Add(b, v);
  }
  for (; i + n <= count; i += n) {
    const V u = Exp(d, hn::Sub(hn::LoadU(d, x + i), s));
    if (kStore) hn::StoreU(u, d, y + i);
    a = hn::Add(a, u);
  }
#if !HWY_MEM_OPS_MIGHT_FAULT
  if (i < count) {
    const auto rest = hn::FirstN(d, static_cast<std::size_t>(count - i));
    const V u = hn::IfThenElseZero(rest, Exp(d, hn::Sub(hn::MaskedLoad(rest, d, x + i), s)));
    if (kStore) hn::BlendedStore(u, rest, d, y + i);
    b = hn::Add(b, u);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b)));
#else
  float total = hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b)));
  if (i < count) {
    // The rest goes through one vector, filled up with what exp turns into 0.
    HWY_ALIGN float rest[hn::MaxLanes(D())];
    const std::int64_t left = count - i;
    for (std::int64_t k = 0; k < n; ++k) rest[k] = k < left ? x[i + k] - shift : -1e30f;
    hn::Store(Exp(d, hn::Load(d, rest)), d, rest);
    for (std::int64_t k = 0; k < left; ++k) {
      total += rest[k];
      if (kStore) y[i + k] = rest[k];
    }
  }
  return total;
#endif
}

float ExpSumStore(const float* x, float shift, float* y, std::int64_t count) {
  return ExpSumLoop<true>(x, shift, y, count);
}
float ExpSum(const float* x, float shift, std::int64_t count) {
  return ExpSumLoop<false>(x, shift, nullptr, count);
}

void ScaleRun(const float* x, float factor, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] * factor;
}
void ShiftRun(const float* x, float shift, float rest, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = (x[i] - shift) - rest;
}

float DotRun(const float* a, const float* b, std::int64_t count) {
  const D d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  V s = hn::Zero(d), t = s;
  std::int64_t i = 0;
  for (; i + 2 * n <= count; i += 2 * n) {
    s = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s);
    t = hn::MulAdd(hn::LoadU(d, a + i + n), hn::LoadU(d, b + i + n), t);
  }
  float total = hn::GetLane(hn::SumOfLanes(d, hn::Add(s, t)));
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}

void SoftmaxGradRun(const float* g, const float* y, float dot, float* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = y[i] * (g[i] - dot);
}

// f(i, values) for vectors of x, the rest through one filled vector.
template <class F>
HWY_INLINE void MapExp(const float* x, float shift, std::int64_t count, float* out, const F& f) {
  const D d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  const V s = hn::Set(d, shift);
  std::int64_t i = 0;
  for (; i + n <= count; i += n)
    hn::StoreU(f(Exp(d, hn::Sub(hn::LoadU(d, x + i), s)), i, n), d, out + i);
  if (i < count) {
    HWY_ALIGN float rest[hn::MaxLanes(D())];
    for (std::int64_t k = 0; k < n; ++k) rest[k] = i + k < count ? x[i + k] : 0;
    hn::Store(f(Exp(d, hn::Sub(hn::Load(d, rest), s)), i, count - i), d, rest);
    for (std::int64_t k = 0; i + k < count; ++k) out[i + k] = rest[k];
  }
}

void LogSoftmaxGradRun(const float* g, const float* y, float sum, float* out, std::int64_t count) {
  const D d;
  const V total = hn::Set(d, sum);
  MapExp(y, 0.0f, count, out, [&](V e, std::int64_t i, std::int64_t valid) {
    if (valid == static_cast<std::int64_t>(hn::Lanes(d)))
      return hn::NegMulAdd(e, total, hn::LoadU(d, g + i));
    HWY_ALIGN float rest[hn::MaxLanes(D())] = {};
    for (std::int64_t k = 0; k < valid; ++k) rest[k] = g[i + k];
    return hn::NegMulAdd(e, total, hn::Load(d, rest));
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::backends::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::backends::cpu {

HWY_EXPORT(SumRun);
HWY_EXPORT(AddRows);
HWY_EXPORT(PeakRun);
HWY_EXPORT(MaxRun);
HWY_EXPORT(MinRun);
HWY_EXPORT(MaxRows);
HWY_EXPORT(MinRows);
HWY_EXPORT(WidenHalf);
HWY_EXPORT(NarrowHalf);
HWY_EXPORT(WidenBFloat16);
HWY_EXPORT(NarrowBFloat16);
HWY_EXPORT(ExpSumStore);
HWY_EXPORT(ExpSum);
HWY_EXPORT(ScaleRun);
HWY_EXPORT(ShiftRun);
HWY_EXPORT(DotRun);
HWY_EXPORT(SoftmaxGradRun);
HWY_EXPORT(LogSoftmaxGradRun);

double sum_run(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SumRun)(x, count);
}
void add_rows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
              float* totals) {
  HWY_DYNAMIC_DISPATCH(AddRows)(x, rows, stride, columns, totals);
}
float peak_run(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(PeakRun)(x, count);
}
float max_run(const float* x, std::int64_t count) { return HWY_DYNAMIC_DISPATCH(MaxRun)(x, count); }
float min_run(const float* x, std::int64_t count) { return HWY_DYNAMIC_DISPATCH(MinRun)(x, count); }
void max_rows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
              float* best) {
  HWY_DYNAMIC_DISPATCH(MaxRows)(x, rows, stride, columns, best);
}
void min_rows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
              float* best) {
  HWY_DYNAMIC_DISPATCH(MinRows)(x, rows, stride, columns, best);
}
void widen(const Half* from, float* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(WidenHalf)(from, to, count);
}
void widen(const BFloat16* from, float* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(WidenBFloat16)(from, to, count);
}
void narrow(const float* from, Half* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(NarrowHalf)(from, to, count);
}
void narrow(const float* from, BFloat16* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(NarrowBFloat16)(from, to, count);
}
float exp_sum(const float* x, float shift, float* y, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(ExpSumStore)(x, shift, y, count);
}
float exp_sum(const float* x, float shift, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(ExpSum)(x, shift, count);
}
void scale_run(const float* x, float factor, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(ScaleRun)(x, factor, y, count);
}
void shift_run(const float* x, float shift, float rest, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(ShiftRun)(x, shift, rest, y, count);
}
float dot_run(const float* a, const float* b, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(DotRun)(a, b, count);
}
void softmax_grad_run(const float* g, const float* y, float dot, float* out, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(SoftmaxGradRun)(g, y, dot, out, count);
}
void log_softmax_grad_run(const float* g, const float* y, float sum, float* out,
                          std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(LogSoftmaxGradRun)(g, y, sum, out, count);
}

}  // namespace athanor::backends::cpu
#endif
