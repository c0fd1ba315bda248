#include <kissfft/kissfft.hh>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/lines.hpp"
#include "athanor/ops/core/fourier.hpp"

namespace athanor::backends::cpu {

namespace {

using Complex = std::complex<double>;

std::size_t largest_factor(std::size_t n) {
  std::size_t largest = 1;
  for (std::size_t p = 2; p * p <= n; ++p)
    while (n % p == 0) largest = p, n /= p;
  return std::max(largest, n);
}

// One transform of a fixed size, in float64 whatever the tensor's dtype. kissfft takes N * p for a
// prime factor p; large ones go through a convolution with a chirp (Bluestein 1970).
class Transform {
 public:
  Transform(std::size_t n, bool inverse)
      : n_(n),
        chirp_size_(largest_factor(n) > 64 ? std::bit_ceil(2 * n - 1) : 0),
        forward_(chirp_size_ > 0 ? chirp_size_ : n, chirp_size_ == 0 && inverse),
        backward_(std::max<std::size_t>(chirp_size_, 1), true),
        in_(n),
        out_(n) {
    if (chirp_size_ == 0) return;
    chirp_.resize(n), filter_.resize(chirp_size_), work_.resize(chirp_size_);
    spectrum_.resize(chirp_size_);
    // k^2 modulo 2 N keeps the angle exact.
    for (std::size_t k = 0, square = 0; k < n; square = (square + 2 * k + 1) % (2 * n), ++k) {
      const double angle = (inverse ? 1 : -1) * std::numbers::pi * static_cast<double>(square) /
                           static_cast<double>(n);
      chirp_[k] = {std::cos(angle), std::sin(angle)};
      work_[k] = std::conj(chirp_[k]);
      if (k > 0) work_[chirp_size_ - k] = work_[k];
    }
    forward_.transform(work_.data(), filter_.data());
  }

  std::vector<Complex>& in() { return in_; }
  const std::vector<Complex>& out() const { return out_; }

  // Without the factor 1 / N.
  void run() {
    if (chirp_size_ == 0) return forward_.transform(in_.data(), out_.data());
    std::fill(work_.begin(), work_.end(), Complex{});
    for (std::size_t k = 0; k < n_; ++k) work_[k] = in_[k] * chirp_[k];
    forward_.transform(work_.data(), spectrum_.data());
    for (std::size_t k = 0; k < chirp_size_; ++k) spectrum_[k] *= filter_[k];
    backward_.transform(spectrum_.data(), work_.data());
    const double scale = 1 / static_cast<double>(chirp_size_);
    for (std::size_t k = 0; k < n_; ++k) out_[k] = work_[k] * chirp_[k] * scale;
  }

 private:
  std::size_t n_, chirp_size_;  // 0: kissfft alone
  kissfft<double> forward_, backward_;
  std::vector<Complex> in_, out_, chirp_, filter_, work_, spectrum_;
};

// The real parts of a tensor of complex numbers; the imaginary ones lie `step` elements behind.
Tensor real_parts(const Tensor& x, std::int64_t& step) {
  const std::size_t last = x.shape().size() - 1;
  step = x.strides()[last];
  return x.view_as(Shape(x.shape().begin(), x.shape().begin() + last),
                   Strides(x.strides().begin(), x.strides().begin() + last), x.offset());
}

// Transforms the lines of x along an axis into those of y. load(line, stride, in) fills n complex
// numbers, store(out, line, stride) takes them.
template <class T, class Load, class Store>
void transform_lines(const Tensor& x, const Tensor& y, std::int64_t axis, std::int64_t n,
                     bool inverse, const Load& load, const Store& store) {
  const Lines from(x, axis), to(y, axis);
  const T* source = static_cast<const T*>(x.raw());
  T* target = static_cast<T*>(y.raw());
  const Transform plan(static_cast<std::size_t>(n), inverse);
  parallel_for(from.count, std::max<std::int64_t>(1, (1 << 14) / n),
               [&](std::int64_t begin, std::int64_t end) {
                 Transform own = plan;
                 for (std::int64_t i = begin; i < end; ++i) {
                   load(source + from.offset(i), from.stride, own.in());
                   own.run();
                   store(own.out(), target + to.offset(i), to.stride);
                 }
               });
}

template <class T, class F>
void for_complex(T* line, std::int64_t stride, std::int64_t step, std::size_t count, const F& f) {
  for (std::size_t k = 0; k < count; ++k, line += stride) f(k, line[0], line[step]);
}

template <class F>
void visit(DType dtype, const F& f) {
  if (dtype == DType::f32) return f(float{});
  ATH_ASSERT(dtype == DType::f64);
  f(double{});
}

void fft(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  if (y.count() == 0) return;
  const bool inverse = call.attrs.flag("inverse");
  const std::size_t axis = ops::fourier_axis("fft", meta_of(x), call.attrs, true);
  const std::int64_t n = x.shape()[axis];
  const auto count = static_cast<std::size_t>(n);
  const double scale = inverse ? 1 / static_cast<double>(n) : 1;
  std::int64_t step_x = 0, step_y = 0;
  const Tensor real_x = real_parts(x, step_x), real_y = real_parts(y, step_y);
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    transform_lines<T>(
        real_x, real_y, static_cast<std::int64_t>(axis), n, inverse,
        [&](const T* line, std::int64_t stride, std::vector<Complex>& in) {
          for_complex(line, stride, step_x, count,
                      [&](std::size_t k, T re, T im) { in[k] = {re, im}; });
        },
        [&](const std::vector<Complex>& out, T* line, std::int64_t stride) {
          for_complex(line, stride, step_y, count, [&](std::size_t k, T& re, T& im) {
            re = static_cast<T>(out[k].real() * scale), im = static_cast<T>(out[k].imag() * scale);
          });
        });
  });
}

void rfft(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  if (y.count() == 0) return;
  const std::size_t axis = ops::fourier_axis("rfft", meta_of(x), call.attrs, false);
  const std::int64_t n = x.shape()[axis];
  const auto half = static_cast<std::size_t>(n / 2 + 1);
  std::int64_t step = 0;
  const Tensor real_y = real_parts(y, step);
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    transform_lines<T>(
        x, real_y, static_cast<std::int64_t>(axis), n, false,
        [&](const T* line, std::int64_t stride, std::vector<Complex>& in) {
          for (Complex& value : in) value = {*line, 0}, line += stride;
        },
        [&](const std::vector<Complex>& out, T* line, std::int64_t stride) {
          for_complex(line, stride, step, half, [&](std::size_t k, T& re, T& im) {
            re = static_cast<T>(out[k].real()), im = static_cast<T>(out[k].imag());
          });
        });
  });
}

void irfft(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  if (y.count() == 0) return;
  const std::size_t axis = ops::fourier_axis("irfft", meta_of(x), call.attrs, true);
  const std::int64_t n = call.attrs.integer("size");
  const auto count = static_cast<std::size_t>(n), half = count / 2 + 1;
  std::int64_t step = 0;
  const Tensor real_x = real_parts(x, step);
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    transform_lines<T>(
        real_x, y, static_cast<std::int64_t>(axis), n, true,
        [&](const T* line, std::int64_t stride, std::vector<Complex>& in) {
          for_complex(line, stride, step, half, [&](std::size_t k, T re, T im) {
            in[k] = {re, im};
            if (k > 0 && count - k >= half) in[count - k] = {re, -im};
          });
        },
        [&](const std::vector<Complex>& out, T* line, std::int64_t stride) {
          for (const Complex& value : out) {
            *line = static_cast<T>(value.real() / static_cast<double>(n));
            line += stride;
          }
        });
  });
}

}  // namespace

void register_fourier(KernelTable& table) {
  table.set("fft", Device::cpu, fft, ops::kFourierDTypes);
  table.set("rfft", Device::cpu, rfft, ops::kFourierDTypes);
  table.set("irfft", Device::cpu, irfft, ops::kFourierDTypes);
}

}  // namespace athanor::backends::cpu
