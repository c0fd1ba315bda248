#include "athanor/backends/cpu/gates.hpp"

// SSE2, AVX2 and AVX-512 are enough: what lies between is rare.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/backends/cpu/gates.cpp"
#include <hwy/foreach_target.h>
// clang-format off
#include <hwy/highway.h>
#include "athanor/backends/cpu/simd_math-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace athanor::backends::cpu {
namespace HWY_NAMESPACE {

template <class F>
HWY_INLINE void Map(const float* x, float* y, std::int64_t count, const F& f) {
  const Floats d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + n <= count; i += n) hn::StoreU(f(hn::LoadU(d, x + i)), d, y + i);
  if (i == count) return;
  // The rest by the same vector code, so that a value does not depend on its place.
  HWY_ALIGN float rest[HWY_MAX_BYTES / sizeof(float)] = {};
  for (std::int64_t k = i; k < count; ++k) rest[k - i] = x[k];
  hn::Store(f(hn::Load(d, rest)), d, rest);
  for (std::int64_t k = i; k < count; ++k) y[k] = rest[k - i];
}

void SigmoidRun(const float* x, float* y, std::int64_t count) {
  Map(x, y, count, [](FloatV v) HWY_ATTR { return Sigmoid(v); });
}
void TanhRun(const float* x, float* y, std::int64_t count) {
  Map(x, y, count, [](FloatV v) HWY_ATTR { return Tanh(v); });
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::backends::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::backends::cpu {

HWY_EXPORT(SigmoidRun);
HWY_EXPORT(TanhRun);

void sigmoid_run(const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(SigmoidRun)(x, y, count);
}
void tanh_run(const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(TanhRun)(x, y, count);
}

}  // namespace athanor::backends::cpu
#endif
