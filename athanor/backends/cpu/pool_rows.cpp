#include "athanor/backends/cpu/pool_rows.hpp"

// SSE2, AVX2 and AVX-512 are enough: what lies between is rare.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/backends/cpu/pool_rows.cpp"
#include <hwy/foreach_target.h>
// clang-format off
#include <hwy/highway.h>
// clang-format on

// Mostly plain loops: the compiler turns them into the vectors of each target.
HWY_BEFORE_NAMESPACE();
namespace athanor::backends::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
HWY_INLINE void Max(const T* HWY_RESTRICT x, std::int64_t channels, T* HWY_RESTRICT best) {
  for (std::int64_t c = 0; c < channels; ++c)
    best[c] = ((x[c] > best[c]) | (x[c] != x[c])) ? x[c] : best[c];
}
template <class T>
HWY_INLINE void Winner(const T* HWY_RESTRICT x, std::int32_t tap, std::int64_t channels,
                       T* HWY_RESTRICT best, std::int32_t* HWY_RESTRICT winner) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const bool wins = (x[c] > best[c]) | ((x[c] != x[c]) & (best[c] == best[c]));
    best[c] = wins ? x[c] : best[c];
    winner[c] = wins ? tap : winner[c];
  }
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void ScatterMaxVector(D d, const T* HWY_RESTRICT x, const T* HWY_RESTRICT grad,
                                 const std::int64_t* HWY_RESTRICT at, std::int64_t taps,
                                 T* HWY_RESTRICT dx) {
  const hn::RebindToSigned<D> di;
  using Tap = hn::TFromD<decltype(di)>;
  auto best = hn::LoadU(d, x + at[0]);
  auto winner = hn::Zero(di);
  for (std::int64_t k = 1; k < taps; ++k) {
    const auto v = hn::LoadU(d, x + at[k]);
    const auto wins = hn::Or(hn::Gt(v, best), hn::AndNot(hn::IsNaN(best), hn::IsNaN(v)));
    best = hn::IfThenElse(wins, v, best);
    winner = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, static_cast<Tap>(k)), winner);
  }
  const auto g = hn::LoadU(d, grad);
  for (std::int64_t k = 0; k < taps; ++k) {
    const auto won = hn::RebindMask(d, hn::Eq(winner, hn::Set(di, static_cast<Tap>(k))));
    hn::StoreU(hn::Add(hn::LoadU(d, dx + at[k]), hn::IfThenElseZero(won, g)), d, dx + at[k]);
  }
}
template <class T>
HWY_INLINE void ScatterMax(const T* x, const T* grad, const std::int64_t* at, std::int64_t taps,
                           std::int64_t channels, T* dx) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) ScatterMaxVector(d, x + c, grad + c, at, taps, dx + c);
  for (; c < channels; ++c) ScatterMaxVector(one, x + c, grad + c, at, taps, dx + c);
}
template <class T>
HWY_INLINE void Gather(const T* HWY_RESTRICT values, const std::int32_t* HWY_RESTRICT winner,
                       std::int32_t tap, std::int64_t channels, T* HWY_RESTRICT y) {
  for (std::int64_t c = 0; c < channels; ++c) y[c] = winner[c] == tap ? values[c] : y[c];
}
template <class T>
HWY_INLINE void Add(const T* HWY_RESTRICT x, T factor, std::int64_t channels, T* HWY_RESTRICT sum) {
  for (std::int64_t c = 0; c < channels; ++c) sum[c] += x[c] * factor;
}

void MaxF32(const float* x, std::int64_t channels, float* best) { Max(x, channels, best); }
void MaxF64(const double* x, std::int64_t channels, double* best) { Max(x, channels, best); }
void WinnerF32(const float* x, std::int32_t tap, std::int64_t channels, float* best,
               std::int32_t* winner) {
  Winner(x, tap, channels, best, winner);
}
void WinnerF64(const double* x, std::int32_t tap, std::int64_t channels, double* best,
               std::int32_t* winner) {
  Winner(x, tap, channels, best, winner);
}
void ScatterMaxF32(const float* x, const float* grad, const std::int64_t* at, std::int64_t taps,
                   std::int64_t channels, float* dx) {
  ScatterMax(x, grad, at, taps, channels, dx);
}
void ScatterMaxF64(const double* x, const double* grad, const std::int64_t* at, std::int64_t taps,
                   std::int64_t channels, double* dx) {
  ScatterMax(x, grad, at, taps, channels, dx);
}
void GatherF32(const float* values, const std::int32_t* winner, std::int32_t tap,
               std::int64_t channels, float* y) {
  Gather(values, winner, tap, channels, y);
}
void GatherF64(const double* values, const std::int32_t* winner, std::int32_t tap,
               std::int64_t channels, double* y) {
  Gather(values, winner, tap, channels, y);
}
void AddF32(const float* x, float factor, std::int64_t channels, float* sum) {
  Add(x, factor, channels, sum);
}
void AddF64(const double* x, double factor, std::int64_t channels, double* sum) {
  Add(x, factor, channels, sum);
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::backends::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::backends::cpu {

HWY_EXPORT(MaxF32);
HWY_EXPORT(MaxF64);
HWY_EXPORT(WinnerF32);
HWY_EXPORT(WinnerF64);
HWY_EXPORT(ScatterMaxF32);
HWY_EXPORT(ScatterMaxF64);
HWY_EXPORT(GatherF32);
HWY_EXPORT(GatherF64);
HWY_EXPORT(AddF32);
HWY_EXPORT(AddF64);

template <>
void pool_max(const float* x, std::int64_t channels, float* best) {
  HWY_DYNAMIC_DISPATCH(MaxF32)(x, channels, best);
}
template <>
void pool_max(const double* x, std::int64_t channels, double* best) {
  HWY_DYNAMIC_DISPATCH(MaxF64)(x, channels, best);
}
template <>
void pool_winner(const float* x, std::int32_t tap, std::int64_t channels, float* best,
                 std::int32_t* winner) {
  HWY_DYNAMIC_DISPATCH(WinnerF32)(x, tap, channels, best, winner);
}
template <>
void pool_winner(const double* x, std::int32_t tap, std::int64_t channels, double* best,
                 std::int32_t* winner) {
  HWY_DYNAMIC_DISPATCH(WinnerF64)(x, tap, channels, best, winner);
}
template <>
void pool_scatter_max(const float* x, const float* grad, const std::int64_t* at, std::int64_t taps,
                      std::int64_t channels, float* dx) {
  HWY_DYNAMIC_DISPATCH(ScatterMaxF32)(x, grad, at, taps, channels, dx);
}
template <>
void pool_scatter_max(const double* x, const double* grad, const std::int64_t* at,
                      std::int64_t taps, std::int64_t channels, double* dx) {
  HWY_DYNAMIC_DISPATCH(ScatterMaxF64)(x, grad, at, taps, channels, dx);
}
template <>
void pool_gather(const float* values, const std::int32_t* winner, std::int32_t tap,
                 std::int64_t channels, float* y) {
  HWY_DYNAMIC_DISPATCH(GatherF32)(values, winner, tap, channels, y);
}
template <>
void pool_gather(const double* values, const std::int32_t* winner, std::int32_t tap,
                 std::int64_t channels, double* y) {
  HWY_DYNAMIC_DISPATCH(GatherF64)(values, winner, tap, channels, y);
}
template <>
void pool_add(const float* x, float factor, std::int64_t channels, float* sum) {
  HWY_DYNAMIC_DISPATCH(AddF32)(x, factor, channels, sum);
}
template <>
void pool_add(const double* x, double factor, std::int64_t channels, double* sum) {
  HWY_DYNAMIC_DISPATCH(AddF64)(x, factor, channels, sum);
}

}  // namespace athanor::backends::cpu
#endif
