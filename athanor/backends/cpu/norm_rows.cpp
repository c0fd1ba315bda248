#include "athanor/backends/cpu/norm_rows.hpp"

#include <hwy/cache_control.h>

// SSE2, AVX2 and AVX-512 are enough: what lies between is rare.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/backends/cpu/norm_rows.cpp"
#include <hwy/foreach_target.h>
// clang-format off
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace athanor::backends::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;

// Calls f(tag, column) over the columns: whole vectors, then single elements.
template <class T, class F>
HWY_INLINE void Columns(std::int64_t channels, const F& f) {
  const Tag<T> d;
  const hn::CappedTag<T, 1> one;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  for (; c + n <= channels; c += n) f(d, c);
  for (; c < channels; ++c) f(one, c);
}

template <class T>
void Sums(const T* x, std::int64_t rows, std::int64_t channels, const T* shift, T* HWY_RESTRICT sum,
          T* HWY_RESTRICT square) {
  std::int64_t r = 0;
  // Four rows at a time: the sums are loaded and stored once for them.
  for (; r + 4 <= rows; r += 4) {
    const T* a = x + r * channels;
    Columns<T>(channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const auto k = hn::LoadU(d, shift + c);
      const auto u = hn::Sub(hn::LoadU(d, a + c), k);
      const auto v = hn::Sub(hn::LoadU(d, a + channels + c), k);
      const auto w = hn::Sub(hn::LoadU(d, a + 2 * channels + c), k);
      const auto z = hn::Sub(hn::LoadU(d, a + 3 * channels + c), k);
      hn::StoreU(hn::Add(hn::LoadU(d, sum + c), hn::Add(hn::Add(u, v), hn::Add(w, z))), d, sum + c);
      const auto low = hn::MulAdd(v, v, hn::Mul(u, u)), high = hn::MulAdd(z, z, hn::Mul(w, w));
      hn::StoreU(hn::Add(hn::LoadU(d, square + c), hn::Add(low, high)), d, square + c);
    });
  }
  for (; r < rows; ++r) {
    const T* a = x + r * channels;
    Columns<T>(channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const auto u = hn::Sub(hn::LoadU(d, a + c), hn::LoadU(d, shift + c));
      hn::StoreU(hn::Add(hn::LoadU(d, sum + c), u), d, sum + c);
      hn::StoreU(hn::MulAdd(u, u, hn::LoadU(d, square + c)), d, square + c);
    });
  }
}

// The activation keeps NaN: a comparison with it is false.
template <Fused kFused, class D, class V>
HWY_INLINE V Activate(D d, V v) {
  if constexpr (kFused == Fused::none) return v;
  v = hn::IfThenZeroElse(hn::Lt(v, hn::Zero(d)), v);
  if constexpr (kFused == Fused::relu) return v;
  const V six = hn::Set(d, 6);
  return hn::IfThenElse(hn::Gt(v, six), six, v);
}

// grad where the activation of `before` lets it pass, 0 elsewhere.
template <Fused kFused, class D, class V>
HWY_INLINE V Pass(D d, V grad, V before) {
  if constexpr (kFused == Fused::none) return grad;
  grad = hn::IfThenElseZero(hn::Gt(before, hn::Zero(d)), grad);
  if constexpr (kFused == Fused::relu) return grad;
  return hn::IfThenElseZero(hn::Lt(before, hn::Set(d, 6)), grad);
}

template <bool kStream, class D, class V, class T>
HWY_INLINE void Write(D d, V v, T* to) {
  if constexpr (kStream) {
    if constexpr (hn::MaxLanes(D()) > 1)
      hn::Stream(v, d, to);
    else
      hn::StoreU(v, d, to);
  } else {
    hn::StoreU(v, d, to);
  }
}

template <Fused kFused, bool kStream, class T>
void ApplyLoop(const T* x, std::int64_t rows, std::int64_t channels, const ChannelAffine<T>& a,
               T* HWY_RESTRICT y) {
  for (std::int64_t r = 0; r < rows; ++r, x += channels, y += channels)
    Columns<T>(channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const auto centred = hn::Sub(hn::LoadU(d, x + c), hn::LoadU(d, a.mean + c));
      const auto v = hn::MulAdd(centred, hn::LoadU(d, a.scale + c), hn::LoadU(d, a.bias + c));
      Write<kStream>(d, Activate<kFused>(d, v), y + c);
    });
  if (kStream) hwy::FlushStream();
}

template <Fused kFused, class T>
void GradSumsLoop(const T* x, const T* grad, std::int64_t rows, std::int64_t channels,
                  const ChannelAffine<T>& a, T* HWY_RESTRICT sum, T* HWY_RESTRICT product) {
  const auto centred_and_passed = [&](auto d, std::int64_t at, std::int64_t c,
                                      auto& centred) HWY_ATTR {
    centred = hn::Sub(hn::LoadU(d, x + at), hn::LoadU(d, a.mean + c));
    const auto g = hn::LoadU(d, grad + at);
    if constexpr (kFused == Fused::none) return g;
    return Pass<kFused>(d, g,
                        hn::MulAdd(centred, hn::LoadU(d, a.scale + c), hn::LoadU(d, a.bias + c)));
  };
  std::int64_t r = 0;
  for (; r + 2 <= rows; r += 2) {
    const std::int64_t row = r * channels;
    Columns<T>(channels, [&](auto d, std::int64_t c) HWY_ATTR {
      auto u = hn::Zero(d), v = hn::Zero(d);
      const auto g = centred_and_passed(d, row + c, c, u);
      const auto h = centred_and_passed(d, row + channels + c, c, v);
      hn::StoreU(hn::Add(hn::LoadU(d, sum + c), hn::Add(g, h)), d, sum + c);
      hn::StoreU(hn::Add(hn::LoadU(d, product + c), hn::MulAdd(g, u, hn::Mul(h, v))), d,
                 product + c);
    });
  }
  if (r < rows)
    Columns<T>(channels, [&](auto d, std::int64_t c) HWY_ATTR {
      auto u = hn::Zero(d);
      const auto g = centred_and_passed(d, r * channels + c, c, u);
      hn::StoreU(hn::Add(hn::LoadU(d, sum + c), g), d, sum + c);
      hn::StoreU(hn::MulAdd(g, u, hn::LoadU(d, product + c)), d, product + c);
    });
}

template <Fused kFused, bool kStream, class T>
void GradApplyLoop(const T* x, const T* grad, std::int64_t rows, std::int64_t channels,
                   const ChannelAffine<T>& a, const T* offset, const T* slope, T* HWY_RESTRICT dx) {
  for (std::int64_t r = 0; r < rows; ++r, x += channels, grad += channels, dx += channels)
    Columns<T>(channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const auto centred = hn::Sub(hn::LoadU(d, x + c), hn::LoadU(d, a.mean + c));
      const auto scale = hn::LoadU(d, a.scale + c);
      auto g = hn::LoadU(d, grad + c);
      if constexpr (kFused != Fused::none)
        g = Pass<kFused>(d, g, hn::MulAdd(centred, scale, hn::LoadU(d, a.bias + c)));
      const auto v = hn::MulSub(g, scale, hn::LoadU(d, offset + c));
      Write<kStream>(d, hn::NegMulAdd(centred, hn::LoadU(d, slope + c), v), dx + c);
    });
  if (kStream) hwy::FlushStream();
}

template <class T>
void Apply(const T* x, std::int64_t rows, std::int64_t channels, const ChannelAffine<T>& a,
           Fused fused, T* y, bool stream) {
  switch (fused) {
    case Fused::none:
      return stream ? ApplyLoop<Fused::none, true>(x, rows, channels, a, y)
                    : ApplyLoop<Fused::none, false>(x, rows, channels, a, y);
    case Fused::relu:
      return stream ? ApplyLoop<Fused::relu, true>(x, rows, channels, a, y)
                    : ApplyLoop<Fused::relu, false>(x, rows, channels, a, y);
    case Fused::relu6:
      return stream ? ApplyLoop<Fused::relu6, true>(x, rows, channels, a, y)
                    : ApplyLoop<Fused::relu6, false>(x, rows, channels, a, y);
  }
}

template <class T>
void GradSums(const T* x, const T* grad, std::int64_t rows, std::int64_t channels,
              const ChannelAffine<T>& a, Fused fused, T* sum, T* product) {
  if (fused == Fused::none)
    return GradSumsLoop<Fused::none>(x, grad, rows, channels, a, sum, product);
  if (fused == Fused::relu)
    return GradSumsLoop<Fused::relu>(x, grad, rows, channels, a, sum, product);
  GradSumsLoop<Fused::relu6>(x, grad, rows, channels, a, sum, product);
}

template <class T>
void GradApply(const T* x, const T* grad, std::int64_t rows, std::int64_t channels,
               const ChannelAffine<T>& a, Fused fused, const T* offset, const T* slope, T* dx,
               bool stream) {
  switch (fused) {
    case Fused::none:
      return stream
                 ? GradApplyLoop<Fused::none, true>(x, grad, rows, channels, a, offset, slope, dx)
                 : GradApplyLoop<Fused::none, false>(x, grad, rows, channels, a, offset, slope, dx);
    case Fused::relu:
      return stream
                 ? GradApplyLoop<Fused::relu, true>(x, grad, rows, channels, a, offset, slope, dx)
                 : GradApplyLoop<Fused::relu, false>(x, grad, rows, channels, a, offset, slope, dx);
    case Fused::relu6:
      return stream
                 ? GradApplyLoop<Fused::relu6, true>(x, grad, rows, channels, a, offset, slope, dx)
                 : GradApplyLoop<Fused::relu6, false>(x, grad, rows, channels, a, offset, slope,
                                                      dx);
  }
}

// Exported by plain names: a template cannot be chosen at start.
void SumsF32(const float* x, std::int64_t rows, std::int64_t channels, const float* shift,
             float* sum, float* square) {
  Sums(x, rows, channels, shift, sum, square);
}
void SumsF64(const double* x, std::int64_t rows, std::int64_t channels, const double* shift,
             double* sum, double* square) {
  Sums(x, rows, channels, shift, sum, square);
}
void ApplyF32(const float* x, std::int64_t rows, std::int64_t channels,
              const ChannelAffine<float>& a, Fused fused, float* y, bool stream) {
  Apply(x, rows, channels, a, fused, y, stream);
}
void ApplyF64(const double* x, std::int64_t rows, std::int64_t channels,
              const ChannelAffine<double>& a, Fused fused, double* y, bool stream) {
  Apply(x, rows, channels, a, fused, y, stream);
}
void GradSumsF32(const float* x, const float* grad, std::int64_t rows, std::int64_t channels,
                 const ChannelAffine<float>& a, Fused fused, float* sum, float* product) {
  GradSums(x, grad, rows, channels, a, fused, sum, product);
}
void GradSumsF64(const double* x, const double* grad, std::int64_t rows, std::int64_t channels,
                 const ChannelAffine<double>& a, Fused fused, double* sum, double* product) {
  GradSums(x, grad, rows, channels, a, fused, sum, product);
}
void GradApplyF32(const float* x, const float* grad, std::int64_t rows, std::int64_t channels,
                  const ChannelAffine<float>& a, Fused fused, const float* offset,
                  const float* slope, float* dx, bool stream) {
  GradApply(x, grad, rows, channels, a, fused, offset, slope, dx, stream);
}
void GradApplyF64(const double* x, const double* grad, std::int64_t rows, std::int64_t channels,
                  const ChannelAffine<double>& a, Fused fused, const double* offset,
                  const double* slope, double* dx, bool stream) {
  GradApply(x, grad, rows, channels, a, fused, offset, slope, dx, stream);
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::backends::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::backends::cpu {

HWY_EXPORT(SumsF32);
HWY_EXPORT(SumsF64);
HWY_EXPORT(ApplyF32);
HWY_EXPORT(ApplyF64);
HWY_EXPORT(GradSumsF32);
HWY_EXPORT(GradSumsF64);
HWY_EXPORT(GradApplyF32);
HWY_EXPORT(GradApplyF64);

template <>
void norm_sums(const float* x, std::int64_t rows, std::int64_t channels, const float* shift,
               float* sum, float* square) {
  HWY_DYNAMIC_DISPATCH(SumsF32)(x, rows, channels, shift, sum, square);
}
template <>
void norm_sums(const double* x, std::int64_t rows, std::int64_t channels, const double* shift,
               double* sum, double* square) {
  HWY_DYNAMIC_DISPATCH(SumsF64)(x, rows, channels, shift, sum, square);
}
template <>
void norm_apply(const float* x, std::int64_t rows, std::int64_t channels,
                const ChannelAffine<float>& a, Fused fused, float* y, bool stream) {
  HWY_DYNAMIC_DISPATCH(ApplyF32)(x, rows, channels, a, fused, y, stream);
}
template <>
void norm_apply(const double* x, std::int64_t rows, std::int64_t channels,
                const ChannelAffine<double>& a, Fused fused, double* y, bool stream) {
  HWY_DYNAMIC_DISPATCH(ApplyF64)(x, rows, channels, a, fused, y, stream);
}
template <>
void norm_grad_sums(const float* x, const float* grad, std::int64_t rows, std::int64_t channels,
                    const ChannelAffine<float>& a, Fused fused, float* sum, float* product) {
  HWY_DYNAMIC_DISPATCH(GradSumsF32)(x, grad, rows, channels, a, fused, sum, product);
}
template <>
void norm_grad_sums(const double* x, const double* grad, std::int64_t rows, std::int64_t channels,
                    const ChannelAffine<double>& a, Fused fused, double* sum, double* product) {
  HWY_DYNAMIC_DISPATCH(GradSumsF64)(x, grad, rows, channels, a, fused, sum, product);
}
template <>
void norm_grad_apply(const float* x, const float* grad, std::int64_t rows, std::int64_t channels,
                     const ChannelAffine<float>& a, Fused fused, const float* offset,
                     const float* slope, float* dx, bool stream) {
  HWY_DYNAMIC_DISPATCH(GradApplyF32)
  (x, grad, rows, channels, a, fused, offset, slope, dx, stream);
}
template <>
void norm_grad_apply(const double* x, const double* grad, std::int64_t rows, std::int64_t channels,
                     const ChannelAffine<double>& a, Fused fused, const double* offset,
                     const double* slope, double* dx, bool stream) {
  HWY_DYNAMIC_DISPATCH(GradApplyF64)
  (x, grad, rows, channels, a, fused, offset, slope, dx, stream);
}

}  // namespace athanor::backends::cpu
#endif
