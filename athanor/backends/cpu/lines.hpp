#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "athanor/backends/cpu/simd.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/tensor/tensor.hpp"

// Loops over the lines of tensors: the one-dimensional parts along one axis.
namespace athanor::backends::cpu {

/// The lines of a tensor along an axis, numbered in row-major order of the other axes.
class Lines {
 public:
  Lines() = default;
  Lines(const Tensor& t, std::int64_t axis);
  /// Where line i begins, in elements from the tensor's first.
  std::int64_t offset(std::int64_t i) const {
    if (axes_.empty()) return 0;
    std::int64_t at = 0;
    for (std::size_t k = axes_.size(); k-- > 1;) {
      at += i % axes_[k].size * axes_[k].stride;
      i /= axes_[k].size;
    }
    return at + i * axes_[0].stride;
  }

  std::int64_t count = 1;   ///< lines
  std::int64_t length = 1;  ///< elements of a line
  std::int64_t stride = 1;  ///< from one to the next, in elements

 private:
  struct Axis {
    std::int64_t size, stride;
  };
  SmallVector<Axis, 4> axes_;
};

/// What an element is computed in.
template <class T>
using Work = std::conditional_t<std::is_same_v<T, double>, double, float>;

// The f64 forms of the SIMD loops.
inline double peak_run(const double* x, std::int64_t n) {
  double best = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}
inline double exp_sum(const double* x, double shift, double* y, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += y[i] = std::exp(x[i] - shift);
  return total;
}
inline double exp_sum(const double* x, double shift, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += std::exp(x[i] - shift);
  return total;
}
inline void scale_run(const double* x, double factor, double* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] * factor;
}
inline void shift_run(const double* x, double shift, double rest, double* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - shift) - rest;
}
inline double dot_run(const double* a, const double* b, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += a[i] * b[i];
  return total;
}
inline double sum_run(const double* x, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += x[i];
  return total;
}
inline void softmax_grad_run(const double* g, const double* y, double dot, double* out,
                             std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = y[i] * (g[i] - dot);
}
inline void log_softmax_grad_run(const double* g, const double* y, double sum, double* out,
                                 std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = g[i] - std::exp(y[i]) * sum;
}

namespace detail {

inline constexpr std::int64_t kLinesAtOnce = 16;

// Lines of T side by side as rows of W: the outer loop runs along the axis, so that neighbours in
// memory are read together.
template <class T, class W>
void load_lines(const T* base, const Lines& lines, std::int64_t first, std::int64_t count, W* to) {
  if (lines.stride == 1) {
    for (std::int64_t j = 0; j < count; ++j) {
      const T* from = base + lines.offset(first + j);
      if constexpr (std::is_class_v<T>) {
        widen(from, to + j * lines.length, lines.length);
      } else {
        std::copy(from, from + lines.length, to + j * lines.length);
      }
    }
    return;
  }
  std::int64_t offsets[kLinesAtOnce];
  for (std::int64_t j = 0; j < count; ++j) offsets[j] = lines.offset(first + j);
  for (std::int64_t k = 0; k < lines.length; ++k)
    for (std::int64_t j = 0; j < count; ++j)
      to[j * lines.length + k] = static_cast<W>(base[offsets[j] + k * lines.stride]);
}

template <class T, class W>
void store_lines(const W* from, const Lines& lines, std::int64_t first, std::int64_t count,
                 T* base) {
  if (lines.stride == 1) {
    for (std::int64_t j = 0; j < count; ++j) {
      T* to = base + lines.offset(first + j);
      if constexpr (std::is_class_v<T>) {
        narrow(from + j * lines.length, to, lines.length);
      } else {
        std::copy(from + j * lines.length, from + (j + 1) * lines.length, to);
      }
    }
    return;
  }
  std::int64_t offsets[kLinesAtOnce];
  for (std::int64_t j = 0; j < count; ++j) offsets[j] = lines.offset(first + j);
  for (std::int64_t k = 0; k < lines.length; ++k)
    for (std::int64_t j = 0; j < count; ++j)
      base[offsets[j] + k * lines.stride] = T(from[j * lines.length + k]);
}

}  // namespace detail

/// Calls body(line, inputs, output, length) for every line of the inputs (dtype T, equal shapes) on
/// all threads; inputs and output are arrays of Work<T>. `output` may be null: then the body keeps
/// what it finds itself. Strided and 16-bit lines go through buffers.
template <class T, std::size_t K, class Body>
void for_lines(const std::array<const Tensor*, K>& inputs, const Tensor* output, std::int64_t axis,
               const Body& body) {
  using W = Work<T>;
  constexpr bool same = std::is_same_v<T, W>;
  std::array<Lines, K> in;
  std::array<const T*, K> bases;
  std::array<bool, K> direct;
  for (std::size_t k = 0; k < K; ++k) {
    in[k] = Lines(*inputs[k], axis);
    bases[k] = static_cast<const T*>(inputs[k]->raw());
    direct[k] = same && in[k].stride == 1;
  }
  Lines out;
  if (output) out = Lines(*output, axis);
  T* const target = output ? static_cast<T*>(output->raw()) : nullptr;
  const bool out_direct = !output || (same && out.stride == 1);
  const std::int64_t length = in[0].length, step = detail::kLinesAtOnce;
  if (length == 0) {
    for (std::int64_t i = 0; i < in[0].count; ++i) {
      std::array<const W*, K> none{};
      body(i, none, static_cast<W*>(nullptr), length);
    }
    return;
  }
  std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / length);
  grain = (grain + step - 1) / step * step;
  if (length > (1 << 12)) grain = 1;
  parallel_for(in[0].count, grain, [&](std::int64_t begin, std::int64_t end) {
    std::size_t buffers = out_direct ? 0 : 1;
    for (bool d : direct) buffers += d ? 0 : 1;
    std::vector<W> memory(buffers * static_cast<std::size_t>(std::min(step, end - begin) * length));
    for (std::int64_t first = begin; first < end; first += step) {
      const std::int64_t count = std::min(step, end - first);
      W* next = memory.data();
      std::array<const W*, K> rows{};
      for (std::size_t k = 0; k < K; ++k) {
        if (direct[k]) continue;
        detail::load_lines(bases[k], in[k], first, count, next);
        rows[k] = next;
        next += count * length;
      }
      W* const results = next;
      for (std::int64_t j = 0; j < count; ++j) {
        std::array<const W*, K> line{};
        for (std::size_t k = 0; k < K; ++k) {
          if constexpr (same) {
            line[k] = direct[k] ? bases[k] + in[k].offset(first + j) : rows[k] + j * length;
          } else {
            line[k] = rows[k] + j * length;
          }
        }
        W* y = nullptr;
        if constexpr (same) {
          if (output) y = out_direct ? target + out.offset(first + j) : results + j * length;
        } else {
          if (output) y = results + j * length;
        }
        body(first + j, line, y, length);
      }
      if (!out_direct) detail::store_lines(results, out, first, count, target);
    }
  });
}

/// Calls f(T{}) for a floating dtype.
template <class F>
void visit_floating(DType dtype, const F& f) {
  switch (dtype) {
    case DType::f16: return f(Half{});
    case DType::bf16: return f(BFloat16{});
    case DType::f32: return f(float{});
    case DType::f64: return f(double{});
    default: ATH_ASSERT(is_floating(dtype));
  }
}

}  // namespace athanor::backends::cpu
