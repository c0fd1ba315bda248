#include "athanor/optim/kernels.hpp"

#include <cmath>
#include <vector>

#include "athanor/base/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/optim/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Plain loops, compiled once for each instruction set: the compiler makes them vectors.
HWY_BEFORE_NAMESPACE();
namespace athanor::optim {
namespace HWY_NAMESPACE {

// T: the parameters' type, S: the type of states and arithmetic.
template <class T, class S>
void sgd_loop(T* __restrict p, const T* __restrict g, S* __restrict m, std::int64_t n, S scale,
              const SgdStep& k) {
  const S lr = static_cast<S>(k.learning_rate), decay = static_cast<S>(k.weight_decay),
          momentum = static_cast<S>(k.momentum);
  if (!m) {
    for (std::int64_t i = 0; i < n; ++i) {
      const S value = static_cast<S>(p[i]);
      p[i] = static_cast<T>(value - lr * (static_cast<S>(g[i]) * scale + decay * value));
    }
  } else if (k.nesterov) {
    for (std::int64_t i = 0; i < n; ++i) {
      const S value = static_cast<S>(p[i]);
      const S grad = static_cast<S>(g[i]) * scale + decay * value;
      const S moved = momentum * m[i] + grad;
      m[i] = moved;
      p[i] = static_cast<T>(value - lr * (grad + momentum * moved));
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      const S value = static_cast<S>(p[i]);
      const S moved = momentum * m[i] + (static_cast<S>(g[i]) * scale + decay * value);
      m[i] = moved;
      p[i] = static_cast<T>(value - lr * moved);
    }
  }
}

template <class T, class S>
void adam_loop(T* __restrict p, const T* __restrict g, S* __restrict m, S* __restrict v,
               std::int64_t n, S scale, const AdamStep& k) {
  const S beta1 = static_cast<S>(k.beta1), rest1 = static_cast<S>(1 - k.beta1),
          beta2 = static_cast<S>(k.beta2), rest2 = static_cast<S>(1 - k.beta2),
          epsilon = static_cast<S>(k.epsilon),
          rate = static_cast<S>(k.learning_rate / k.correction1),
          root = static_cast<S>(1 / std::sqrt(k.correction2)),
          into_gradient = static_cast<S>(k.decoupled ? 0 : k.weight_decay),
          keep = static_cast<S>(k.decoupled ? 1 - k.learning_rate * k.weight_decay : 1);
  for (std::int64_t i = 0; i < n; ++i) {
    const S value = static_cast<S>(p[i]);
    const S grad = static_cast<S>(g[i]) * scale + into_gradient * value;
    const S mean = beta1 * m[i] + rest1 * grad;
    const S square = beta2 * v[i] + rest2 * (grad * grad);
    m[i] = mean;
    v[i] = square;
    p[i] = static_cast<T>(value * keep - rate * (mean / (std::sqrt(square) * root + epsilon)));
  }
}

template <class T, class S>
void rmsprop_loop(T* __restrict p, const T* __restrict g, S* __restrict v, S* __restrict a,
                  S* __restrict m, std::int64_t n, S scale, const RmspropStep& k) {
  const S lr = static_cast<S>(k.learning_rate), decay = static_cast<S>(k.weight_decay),
          keep = static_cast<S>(k.decay), rest = static_cast<S>(1 - k.decay),
          epsilon = static_cast<S>(k.epsilon), momentum = static_cast<S>(k.momentum);
  for (std::int64_t i = 0; i < n; ++i) {
    const S value = static_cast<S>(p[i]);
    const S grad = static_cast<S>(g[i]) * scale + decay * value;
    S square = keep * v[i] + rest * (grad * grad);
    v[i] = square;
    if (a) {
      const S mean = keep * a[i] + rest * grad;
      a[i] = mean;
      square = square - mean * mean;
    }
    S move = grad / (std::sqrt(square) + epsilon);
    if (m) {
      move = momentum * m[i] + move;
      m[i] = move;
    }
    p[i] = static_cast<T>(value - lr * move);
  }
}

template <class T, class S>
void adagrad_loop(T* __restrict p, const T* __restrict g, S* __restrict sum, std::int64_t n,
                  S scale, const AdagradStep& k) {
  const S lr = static_cast<S>(k.learning_rate), decay = static_cast<S>(k.weight_decay),
          epsilon = static_cast<S>(k.epsilon), initial = static_cast<S>(k.initial);
  for (std::int64_t i = 0; i < n; ++i) {
    const S value = static_cast<S>(p[i]);
    const S grad = static_cast<S>(g[i]) * scale + decay * value;
    const S total = sum[i] + grad * grad;
    sum[i] = total;
    p[i] = static_cast<T>(value - lr * (grad / (std::sqrt(total + initial) + epsilon)));
  }
}

template <class T, class S>
void lion_loop(T* __restrict p, const T* __restrict g, S* __restrict m, std::int64_t n, S scale,
               const LionStep& k) {
  const S lr = static_cast<S>(k.learning_rate),
          keep = static_cast<S>(1 - k.learning_rate * k.weight_decay),
          beta1 = static_cast<S>(k.beta1), rest1 = static_cast<S>(1 - k.beta1),
          beta2 = static_cast<S>(k.beta2), rest2 = static_cast<S>(1 - k.beta2);
  for (std::int64_t i = 0; i < n; ++i) {
    const S value = static_cast<S>(p[i]), grad = static_cast<S>(g[i]) * scale;
    const S mixed = beta1 * m[i] + rest1 * grad;
    m[i] = beta2 * m[i] + rest2 * grad;
    const S sign = static_cast<S>(mixed > 0) - static_cast<S>(mixed < 0);
    p[i] = static_cast<T>(value * keep - lr * sign);
  }
}

template <class T>
double square_loop(const T* x, std::int64_t n) {
  constexpr int kLanes = 8;
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) {
      const double value = static_cast<double>(static_cast<float>(x[i + k]));
      lanes[k] += value * value;
    }
  for (; i < n; ++i) lanes[i % kLanes] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

template <>
double square_loop(const double* x, std::int64_t n) {
  constexpr int kLanes = 8;
  double lanes[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) lanes[i % kLanes] += x[i] * x[i];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

template <class T, class S>
void scale_loop(T* x, std::int64_t n, S factor) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<T>(static_cast<S>(x[i]) * factor);
}

template <class T, class S>
void clamp_loop(T* x, std::int64_t n, S limit) {
  for (std::int64_t i = 0; i < n; ++i) {
    const S value = static_cast<S>(x[i]);
    // In this order a NaN stays a NaN.
    x[i] = static_cast<T>(value > limit ? limit : value < -limit ? -limit : value);
  }
}

template <class T, class S>
void blend_loop(S* __restrict average, const T* __restrict x, std::int64_t n, S rest) {
  for (std::int64_t i = 0; i < n; ++i)
    average[i] = average[i] + rest * (static_cast<S>(x[i]) - average[i]);
}

#define ATH_OPTIM_LOOPS(suffix, T, S)                                                              \
  void sgd_##suffix(T* p, const T* g, S* m, std::int64_t n, S scale, const SgdStep& k) {           \
    sgd_loop<T, S>(p, g, m, n, scale, k);                                                          \
  }                                                                                                \
  void adam_##suffix(T* p, const T* g, S* m, S* v, std::int64_t n, S scale, const AdamStep& k) {   \
    adam_loop<T, S>(p, g, m, v, n, scale, k);                                                      \
  }                                                                                                \
  void rmsprop_##suffix(T* p, const T* g, S* v, S* a, S* m, std::int64_t n, S scale,               \
                        const RmspropStep& k) {                                                    \
    rmsprop_loop<T, S>(p, g, v, a, m, n, scale, k);                                                \
  }                                                                                                \
  void adagrad_##suffix(T* p, const T* g, S* sum, std::int64_t n, S scale, const AdagradStep& k) { \
    adagrad_loop<T, S>(p, g, sum, n, scale, k);                                                    \
  }                                                                                                \
  void lion_##suffix(T* p, const T* g, S* m, std::int64_t n, S scale, const LionStep& k) {         \
    lion_loop<T, S>(p, g, m, n, scale, k);                                                         \
  }                                                                                                \
  double square_##suffix(const T* x, std::int64_t n) { return square_loop<T>(x, n); }              \
  void scale_##suffix(T* x, std::int64_t n, S factor) { scale_loop<T, S>(x, n, factor); }          \
  void clamp_##suffix(T* x, std::int64_t n, S limit) { clamp_loop<T, S>(x, n, limit); }            \
  void blend_##suffix(S* a, const T* x, std::int64_t n, S rest) { blend_loop<T, S>(a, x, n, rest); }

ATH_OPTIM_LOOPS(f32, float, float)
ATH_OPTIM_LOOPS(f64, double, double)
ATH_OPTIM_LOOPS(f16, Half, float)
ATH_OPTIM_LOOPS(bf16, BFloat16, float)
#undef ATH_OPTIM_LOOPS

}  // namespace HWY_NAMESPACE
}  // namespace athanor::optim
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::optim {

#define ATH_OPTIM_EXPORT(suffix) \
  HWY_EXPORT(sgd_##suffix);      \
  HWY_EXPORT(adam_##suffix);     \
  HWY_EXPORT(rmsprop_##suffix);  \
  HWY_EXPORT(adagrad_##suffix);  \
  HWY_EXPORT(lion_##suffix);     \
  HWY_EXPORT(square_##suffix);   \
  HWY_EXPORT(scale_##suffix);    \
  HWY_EXPORT(clamp_##suffix);    \
  HWY_EXPORT(blend_##suffix);
ATH_OPTIM_EXPORT(f32)
ATH_OPTIM_EXPORT(f64)
ATH_OPTIM_EXPORT(f16)
ATH_OPTIM_EXPORT(bf16)
#undef ATH_OPTIM_EXPORT

namespace {

// Fixed: sums are kept per block.
constexpr std::int64_t kBlock = 32768;

template <class S>
S* states(const Tensor& t) {
  return t.defined() ? t.data<S>() : nullptr;
}

// Calls body(T{}, S{}) with the types of parameters and states.
template <class Body>
void with_types(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::f16: return body(Half{}, float{});
    case DType::bf16: return body(BFloat16{}, float{});
    case DType::f32: return body(float{}, float{});
    case DType::f64: return body(double{}, double{});
    default: raise<InternalError>("optimiser: {} cannot be trained", name_of(dtype));
  }
}

// Calls the loop `name` of this machine's instruction set for parameters of type T.
#define ATH_OPTIM_CALL(name, T, ...)                         \
  [&] {                                                      \
    if constexpr (std::is_same_v<T, float>)                  \
      return HWY_DYNAMIC_DISPATCH(name##_f32)(__VA_ARGS__);  \
    else if constexpr (std::is_same_v<T, double>)            \
      return HWY_DYNAMIC_DISPATCH(name##_f64)(__VA_ARGS__);  \
    else if constexpr (std::is_same_v<T, Half>)              \
      return HWY_DYNAMIC_DISPATCH(name##_f16)(__VA_ARGS__);  \
    else                                                     \
      return HWY_DYNAMIC_DISPATCH(name##_bf16)(__VA_ARGS__); \
  }()

}  // namespace

void sgd_step(const ArenaPart& part, const Tensor& momentum, const SgdStep& numbers) {
  with_types(part.values.dtype(), [&](auto t, auto s) {
    using T = decltype(t);
    using S = decltype(s);
    T* p = part.values.data<T>() + part.begin;
    const T* g = part.gradients.data<T>() + part.begin;
    S* m = states<S>(momentum);
    if (m) m += part.begin;
    parallel_for(part.end - part.begin, kBlock, [&](std::int64_t begin, std::int64_t end) {
      ATH_OPTIM_CALL(sgd, T, p + begin, g + begin, m ? m + begin : nullptr, end - begin,
                     static_cast<S>(part.gradient_scale), numbers);
    });
  });
}

void adam_step(const ArenaPart& part, const Tensor& mean, const Tensor& square,
               const AdamStep& numbers) {
  with_types(part.values.dtype(), [&](auto t, auto s) {
    using T = decltype(t);
    using S = decltype(s);
    T* p = part.values.data<T>() + part.begin;
    const T* g = part.gradients.data<T>() + part.begin;
    S* m = mean.data<S>() + part.begin;
    S* v = square.data<S>() + part.begin;
    parallel_for(part.end - part.begin, kBlock, [&](std::int64_t begin, std::int64_t end) {
      ATH_OPTIM_CALL(adam, T, p + begin, g + begin, m + begin, v + begin, end - begin,
                     static_cast<S>(part.gradient_scale), numbers);
    });
  });
}

void rmsprop_step(const ArenaPart& part, const Tensor& square, const Tensor& mean,
                  const Tensor& momentum, const RmspropStep& numbers) {
  with_types(part.values.dtype(), [&](auto t, auto s) {
    using T = decltype(t);
    using S = decltype(s);
    T* p = part.values.data<T>() + part.begin;
    const T* g = part.gradients.data<T>() + part.begin;
    S *v = square.data<S>() + part.begin, *a = states<S>(mean), *m = states<S>(momentum);
    if (a) a += part.begin;
    if (m) m += part.begin;
    parallel_for(part.end - part.begin, kBlock, [&](std::int64_t begin, std::int64_t end) {
      ATH_OPTIM_CALL(rmsprop, T, p + begin, g + begin, v + begin, a ? a + begin : nullptr,
                     m ? m + begin : nullptr, end - begin, static_cast<S>(part.gradient_scale),
                     numbers);
    });
  });
}

void adagrad_step(const ArenaPart& part, const Tensor& sum, const AdagradStep& numbers) {
  with_types(part.values.dtype(), [&](auto t, auto s) {
    using T = decltype(t);
    using S = decltype(s);
    T* p = part.values.data<T>() + part.begin;
    const T* g = part.gradients.data<T>() + part.begin;
    S* total = sum.data<S>() + part.begin;
    parallel_for(part.end - part.begin, kBlock, [&](std::int64_t begin, std::int64_t end) {
      ATH_OPTIM_CALL(adagrad, T, p + begin, g + begin, total + begin, end - begin,
                     static_cast<S>(part.gradient_scale), numbers);
    });
  });
}

void lion_step(const ArenaPart& part, const Tensor& mean, const LionStep& numbers) {
  with_types(part.values.dtype(), [&](auto t, auto s) {
    using T = decltype(t);
    using S = decltype(s);
    T* p = part.values.data<T>() + part.begin;
    const T* g = part.gradients.data<T>() + part.begin;
    S* m = mean.data<S>() + part.begin;
    parallel_for(part.end - part.begin, kBlock, [&](std::int64_t begin, std::int64_t end) {
      ATH_OPTIM_CALL(lion, T, p + begin, g + begin, m + begin, end - begin,
                     static_cast<S>(part.gradient_scale), numbers);
    });
  });
}

double sum_of_squares(const Tensor& buffer, std::int64_t begin, std::int64_t end) {
  std::vector<double> sums(static_cast<std::size_t>((end - begin + kBlock - 1) / kBlock));
  with_types(buffer.dtype(), [&](auto t, auto) {
    using T = decltype(t);
    const T* x = buffer.data<T>() + begin;
    parallel_for(end - begin, kBlock, [&](std::int64_t first, std::int64_t last) {
      double& sum = sums[static_cast<std::size_t>(first / kBlock)];
      sum = ATH_OPTIM_CALL(square, T, x + first, last - first);
    });
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

void scale_elements(const Tensor& buffer, std::int64_t begin, std::int64_t end, double factor) {
  with_types(buffer.dtype(), [&](auto t, auto s) {
    using T = decltype(t);
    T* x = buffer.data<T>() + begin;
    parallel_for(end - begin, kBlock, [&](std::int64_t first, std::int64_t last) {
      ATH_OPTIM_CALL(scale, T, x + first, last - first, static_cast<decltype(s)>(factor));
    });
  });
  buffer.storage()->bump_version();
}

void clamp_elements(const Tensor& buffer, std::int64_t begin, std::int64_t end, double limit) {
  with_types(buffer.dtype(), [&](auto t, auto s) {
    using T = decltype(t);
    T* x = buffer.data<T>() + begin;
    parallel_for(end - begin, kBlock, [&](std::int64_t first, std::int64_t last) {
      ATH_OPTIM_CALL(clamp, T, x + first, last - first, static_cast<decltype(s)>(limit));
    });
  });
  buffer.storage()->bump_version();
}

void blend(const Tensor& average, const Tensor& values, double decay) {
  with_types(values.dtype(), [&](auto t, auto s) {
    using T = decltype(t);
    using S = decltype(s);
    S* a = average.data<S>();
    const T* x = values.data<T>();
    parallel_for(values.count(), kBlock, [&](std::int64_t first, std::int64_t last) {
      ATH_OPTIM_CALL(blend, T, a + first, x + first, last - first, static_cast<S>(1 - decay));
    });
  });
  average.storage()->bump_version();
}

}  // namespace athanor::optim
#endif
