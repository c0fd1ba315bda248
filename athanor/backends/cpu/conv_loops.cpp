#include "athanor/backends/cpu/conv_loops.hpp"

#include <algorithm>

#include "athanor/base/parallel.hpp"

namespace athanor::backends::cpu {

namespace {

// Positions of the output whose tap (kernel element `tap`) lies inside an axis of `size`.
struct Span {
  std::int64_t begin, end, first;  // first: the input position of output `begin`
};

Span covered(const ops::Window& k, int axis, std::int64_t tap, std::int64_t size,
             std::int64_t positions) {
  const std::int64_t shift = tap * k.dilation[axis] - k.padding[axis], stride = k.stride[axis];
  const std::int64_t begin = shift < 0 ? (-shift + stride - 1) / stride : 0;
  const std::int64_t end =
      size - shift <= 0 ? 0 : std::min(positions, (size - shift + stride - 1) / stride);
  return {begin, std::max(begin, end), begin * stride + shift};
}

// Calls f(filter, input channel, tap row, tap column, rows, columns) for one group's planes.
template <class F>
void for_each_tap(const ops::Window& k, const Shape& x, const Shape& y, F f) {
  for (std::int64_t i = 0; i < k.kernel[0]; ++i) {
    const Span rows = covered(k, 0, i, x[2], y[2]);
    for (std::int64_t j = 0; j < k.kernel[1]; ++j) {
      const Span columns = covered(k, 1, j, x[3], y[3]);
      if (rows.begin < rows.end && columns.begin < columns.end) f(i, j, rows, columns);
    }
  }
}

}  // namespace

void conv_forward_f64(const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const ops::Window& k, std::int64_t groups, const Tensor& y) {
  const Shape &xs = x.shape(), &ys = y.shape();
  const std::int64_t inner = weight.dim(1), per_group = ys[1] / groups;
  const double *px = x.data<double>(), *pw = weight.data<double>();
  double* py = y.data<double>();
  parallel_for(ys[0] * ys[1], 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t n = plane / ys[1], o = plane % ys[1];
      double* out = py + plane * ys[2] * ys[3];
      std::fill_n(out, ys[2] * ys[3], bias.defined() ? bias.data<double>()[o] : 0.0);
      for (std::int64_t c = 0; c < inner; ++c) {
        const double* in = px + (n * xs[1] + o / per_group * inner + c) * xs[2] * xs[3];
        const double* taps = pw + (o * inner + c) * k.kernel[0] * k.kernel[1];
        for_each_tap(k, xs, ys, [&](std::int64_t i, std::int64_t j, const Span& r, const Span& s) {
          const double w = taps[i * k.kernel[1] + j];
          for (std::int64_t oh = r.begin; oh < r.end; ++oh) {
            const double* from = in + (r.first + (oh - r.begin) * k.stride[0]) * xs[3] + s.first;
            double* to = out + oh * ys[3] + s.begin;
            for (std::int64_t q = 0; q < s.end - s.begin; ++q) to[q] += w * from[q * k.stride[1]];
          }
        });
      }
    }
  });
}

void conv_input_grad_f64(const Tensor& grad, const Tensor& weight, const ops::Window& k,
                         std::int64_t groups, const Tensor& dx) {
  const Shape &xs = dx.shape(), &ys = grad.shape();
  const std::int64_t inner = weight.dim(1), per_group = ys[1] / groups;
  const double *pg = grad.data<double>(), *pw = weight.data<double>();
  double* pd = dx.data<double>();
  parallel_for(xs[0] * xs[1], 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t n = plane / xs[1], channel = plane % xs[1];
      double* out = pd + plane * xs[2] * xs[3];
      std::fill_n(out, xs[2] * xs[3], 0.0);
      for (std::int64_t f = 0; f < per_group; ++f) {
        const std::int64_t o = channel / inner * per_group + f;
        const double* in = pg + (n * ys[1] + o) * ys[2] * ys[3];
        const double* taps = pw + (o * inner + channel % inner) * k.kernel[0] * k.kernel[1];
        for_each_tap(k, xs, ys, [&](std::int64_t i, std::int64_t j, const Span& r, const Span& s) {
          const double w = taps[i * k.kernel[1] + j];
          for (std::int64_t oh = r.begin; oh < r.end; ++oh) {
            double* to = out + (r.first + (oh - r.begin) * k.stride[0]) * xs[3] + s.first;
            const double* from = in + oh * ys[3] + s.begin;
            for (std::int64_t q = 0; q < s.end - s.begin; ++q) to[q * k.stride[1]] += w * from[q];
          }
        });
      }
    }
  });
}

void conv_weight_grad_f64(const Tensor& x, const Tensor& grad, const ops::Window& k,
                          std::int64_t groups, const Tensor& dweight) {
  const Shape &xs = x.shape(), &ys = grad.shape();
  const std::int64_t inner = dweight.dim(1), per_group = ys[1] / groups;
  const double *px = x.data<double>(), *pg = grad.data<double>();
  double* pd = dweight.data<double>();
  const std::int64_t taps = k.kernel[0] * k.kernel[1];
  parallel_for(ys[1] * inner, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pair = begin; pair < end; ++pair) {
      const std::int64_t o = pair / inner, c = o / per_group * inner + pair % inner;
      double* out = pd + pair * taps;
      std::fill_n(out, taps, 0.0);
      for (std::int64_t n = 0; n < ys[0]; ++n) {
        const double* in = px + (n * xs[1] + c) * xs[2] * xs[3];
        const double* g = pg + (n * ys[1] + o) * ys[2] * ys[3];
        for_each_tap(k, xs, ys, [&](std::int64_t i, std::int64_t j, const Span& r, const Span& s) {
          double total = 0;
          for (std::int64_t oh = r.begin; oh < r.end; ++oh) {
            const double* a = in + (r.first + (oh - r.begin) * k.stride[0]) * xs[3] + s.first;
            const double* b = g + oh * ys[3] + s.begin;
            for (std::int64_t q = 0; q < s.end - s.begin; ++q) total += a[q * k.stride[1]] * b[q];
          }
          out[i * k.kernel[1] + j] += total;
        });
      }
    }
  });
}

}  // namespace athanor::backends::cpu
