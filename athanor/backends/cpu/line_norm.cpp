#include "athanor/backends/cpu/line_norm.hpp"

// SSE2, AVX2 and AVX-512 are enough: what lies between is rare.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/backends/cpu/line_norm.cpp"
#include <hwy/foreach_target.h>
// clang-format off
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace athanor::backends::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Calls f(tag, position) over a line: whole vectors, then single elements.
template <class T, class F>
HWY_INLINE void Along(std::int64_t count, const F& f) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + n <= count; i += n) f(d, i);
  for (; i < count; ++i) f(one, i);
}

// The sum of term(tag, position): four vectors side by side, added in a fixed order.
template <class T, class F>
HWY_INLINE T Sum(std::int64_t count, const F& term) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  auto a = hn::Zero(d), b = a, c = a, e = a;
  std::int64_t i = 0;
  for (; i + 4 * n <= count; i += 4 * n) {
    a = hn::Add(a, term(d, i));
    b = hn::Add(b, term(d, i + n));
    c = hn::Add(c, term(d, i + 2 * n));
    e = hn::Add(e, term(d, i + 3 * n));
  }
  for (; i + n <= count; i += n) a = hn::Add(a, term(d, i));
  T total = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
  for (; i < count; ++i) total += hn::GetLane(term(one, i));
  return total;
}

template <class T>
void Moments(const T* x, std::int64_t count, bool centre, T& mean, T& square) {
  const T share = 1 / static_cast<T>(count);
  mean = centre ? share * Sum<T>(count, [&](auto d, std::int64_t i)
                                            HWY_ATTR { return hn::LoadU(d, x + i); })
                : 0;
  const T shift = mean;
  square = share * Sum<T>(count, [&](auto d, std::int64_t i) HWY_ATTR {
             const auto v = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, shift));
             return hn::Mul(v, v);
           });
}

template <class T>
void Normalise(const T* x, std::int64_t count, T mean, T scale, const T* weight, const T* bias,
               T* y) {
  Along<T>(count, [&](auto d, std::int64_t i) HWY_ATTR {
    auto z = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)), hn::Set(d, scale));
    if (weight) z = hn::Mul(z, hn::LoadU(d, weight + i));
    if (bias) z = hn::Add(z, hn::LoadU(d, bias + i));
    hn::StoreU(z, d, y + i);
  });
}

template <class T>
void GradMeans(const T* x, const T* grad, std::int64_t count, T mean, T scale, const T* weight,
               T& first, T& second) {
  const T share = 1 / static_cast<T>(count);
  const auto weighted = [&](auto d, std::int64_t i) HWY_ATTR {
    const auto g = hn::LoadU(d, grad + i);
    return weight ? hn::Mul(g, hn::LoadU(d, weight + i)) : g;
  };
  first = share * Sum<T>(count, weighted);
  second = share * scale * Sum<T>(count, [&](auto d, std::int64_t i) HWY_ATTR {
             return hn::Mul(weighted(d, i), hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)));
           });
}

template <class T>
void Grad(const T* x, const T* grad, std::int64_t count, T mean, T scale, const T* weight, T first,
          T second, T* dx) {
  Along<T>(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto z = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)), hn::Set(d, scale));
    auto g = hn::LoadU(d, grad + i);
    if (weight) g = hn::Mul(g, hn::LoadU(d, weight + i));
    g = hn::NegMulAdd(z, hn::Set(d, second), hn::Sub(g, hn::Set(d, first)));
    hn::StoreU(hn::Mul(g, hn::Set(d, scale)), d, dx + i);
  });
}

template <class T>
void GradParameters(const T* x, const T* grad, std::int64_t count, T mean, T scale, T* dweight,
                    T* dbias) {
  Along<T>(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto z = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)), hn::Set(d, scale));
    const auto g = hn::LoadU(d, grad + i);
    hn::StoreU(hn::MulAdd(g, z, hn::LoadU(d, dweight + i)), d, dweight + i);
    if (dbias) hn::StoreU(hn::Add(g, hn::LoadU(d, dbias + i)), d, dbias + i);
  });
}

// One name for each element type: the dispatch table cannot hold templates.
#define ATH_LINE_NORM(T, suffix)                                                              \
  void Moments##suffix(const T* x, std::int64_t count, bool centre, T& mean, T& square) {     \
    Moments(x, count, centre, mean, square);                                                  \
  }                                                                                           \
  void Normalise##suffix(const T* x, std::int64_t count, T mean, T scale, const T* weight,    \
                         const T* bias, T* y) {                                               \
    Normalise(x, count, mean, scale, weight, bias, y);                                        \
  }                                                                                           \
  void GradMeans##suffix(const T* x, const T* grad, std::int64_t count, T mean, T scale,      \
                         const T* weight, T& first, T& second) {                              \
    GradMeans(x, grad, count, mean, scale, weight, first, second);                            \
  }                                                                                           \
  void Grad##suffix(const T* x, const T* grad, std::int64_t count, T mean, T scale,           \
                    const T* weight, T first, T second, T* dx) {                              \
    Grad(x, grad, count, mean, scale, weight, first, second, dx);                             \
  }                                                                                           \
  void GradParameters##suffix(const T* x, const T* grad, std::int64_t count, T mean, T scale, \
                              T* dweight, T* dbias) {                                         \
    GradParameters(x, grad, count, mean, scale, dweight, dbias);                              \
  }
ATH_LINE_NORM(float, F32)
ATH_LINE_NORM(double, F64)
#undef ATH_LINE_NORM

}  // namespace HWY_NAMESPACE
}  // namespace athanor::backends::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::backends::cpu {

#define ATH_LINE_NORM(T, suffix)                                                                  \
  HWY_EXPORT(Moments##suffix);                                                                    \
  HWY_EXPORT(Normalise##suffix);                                                                  \
  HWY_EXPORT(GradMeans##suffix);                                                                  \
  HWY_EXPORT(Grad##suffix);                                                                       \
  HWY_EXPORT(GradParameters##suffix);                                                             \
  template <>                                                                                     \
  void line_moments(const T* x, std::int64_t count, bool centre, T& mean, T& square) {            \
    HWY_DYNAMIC_DISPATCH(Moments##suffix)(x, count, centre, mean, square);                        \
  }                                                                                               \
  template <>                                                                                     \
  void line_normalise(const T* x, std::int64_t count, T mean, T scale, const T* weight,           \
                      const T* bias, T* y) {                                                      \
    HWY_DYNAMIC_DISPATCH(Normalise##suffix)(x, count, mean, scale, weight, bias, y);              \
  }                                                                                               \
  template <>                                                                                     \
  void line_grad_means(const T* x, const T* grad, std::int64_t count, T mean, T scale,            \
                       const T* weight, T& first, T& second) {                                    \
    HWY_DYNAMIC_DISPATCH(GradMeans##suffix)(x, grad, count, mean, scale, weight, first, second);  \
  }                                                                                               \
  template <>                                                                                     \
  void line_grad(const T* x, const T* grad, std::int64_t count, T mean, T scale, const T* weight, \
                 T first, T second, T* dx) {                                                      \
    HWY_DYNAMIC_DISPATCH(Grad##suffix)(x, grad, count, mean, scale, weight, first, second, dx);   \
  }                                                                                               \
  template <>                                                                                     \
  void line_grad_parameters(const T* x, const T* grad, std::int64_t count, T mean, T scale,       \
                            T* dweight, T* dbias) {                                               \
    HWY_DYNAMIC_DISPATCH(GradParameters##suffix)(x, grad, count, mean, scale, dweight, dbias);    \
  }
ATH_LINE_NORM(float, F32)
ATH_LINE_NORM(double, F64)
#undef ATH_LINE_NORM

}  // namespace athanor::backends::cpu
#endif
