#include <cstring>
#include <limits>
#include <vector>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/backends/cpu/pool_rows.hpp"
#include "athanor/base/error.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/ops/core/pooling.hpp"

namespace athanor::backends::cpu {

namespace {

using ops::Window;

// Sizes of one call; every picture is NHWC in the work dtype.
struct Pool {
  Window window;
  std::int64_t batch, channels, height, width, out_height, out_width;

  Pool(const Window& w, const Shape& x, const Shape& y)
      : window(w),
        batch(x[0]),
        channels(x[1]),
        height(x[2]),
        width(x[3]),
        out_height(y[2]),
        out_width(y[3]) {}

  std::int64_t x_row() const { return width * channels; }
  std::int64_t y_row() const { return out_width * channels; }
};

// The taps of a window that lie inside x along one axis: [begin, end) and the position of tap 0.
struct Taps {
  std::int64_t begin, end, first;
};

Taps taps_of(const Window& w, int axis, std::int64_t position, std::int64_t size) {
  const std::int64_t first = position * w.stride[axis] - w.padding[axis];
  return {std::max<std::int64_t>(0, -first), std::min(w.kernel[axis], size - first), first};
}

// Calls f(tap number, offset of the tap's pixel in x's image, in elements) for a window's elements.
template <class F>
void for_each_tap(const Pool& p, const Taps& rows, std::int64_t ow, const F& f) {
  const Taps columns = taps_of(p.window, 1, ow, p.width);
  for (std::int64_t i = rows.begin; i < rows.end; ++i)
    for (std::int64_t j = columns.begin; j < columns.end; ++j)
      f(static_cast<std::int32_t>(i * p.window.kernel[1] + j),
        (rows.first + i) * p.x_row() + (columns.first + j) * p.channels);
}

// A few output rows for each thread's turn.
std::int64_t row_grain(const Pool& p) {
  return std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(p.y_row(), 1));
}

template <class T>
void max_forward(const Pool& p, const T* x, T* y) {
  parallel_for(p.batch * p.out_height, row_grain(p), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* image = x + row / p.out_height * p.height * p.x_row();
      const Taps rows = taps_of(p.window, 0, row % p.out_height, p.height);
      for (std::int64_t ow = 0; ow < p.out_width; ++ow) {
        T* out = y + row * p.y_row() + ow * p.channels;
        bool first = true;
        for_each_tap(p, rows, ow, [&](std::int32_t, std::int64_t at) {
          if (first)
            std::copy_n(image + at, p.channels, out);
          else
            pool_max(image + at, p.channels, out);
          first = false;
        });
      }
    }
  });
}

// Which tap wins in every channel of [channel, channel + count) of one window.
template <class T>
void winners(const Pool& p, const T* image, const Taps& rows, std::int64_t ow, std::int64_t channel,
             std::int64_t count, std::int32_t* winner) {
  T best[kPoolChannels];
  bool first = true;
  for_each_tap(p, rows, ow, [&](std::int32_t tap, std::int64_t at) {
    if (first) {
      std::copy_n(image + at + channel, count, best);
      std::fill_n(winner, count, tap);
    } else {
      pool_winner(image + at + channel, tap, count, best, winner);
    }
    first = false;
  });
}

// Calls f(image index, first channel, channels) on the threads: windows of one image may overlap,
// so a thread has a block of channels of one image to itself.
template <class F>
void for_each_block(const Pool& p, const F& f) {
  const std::int64_t blocks = (p.channels + kPoolChannels - 1) / kPoolChannels;
  parallel_for(p.batch * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t channel = i % blocks * kPoolChannels;
      f(i / blocks, channel, std::min(kPoolChannels, p.channels - channel));
    }
  });
}

// Sets the block's channels of input rows [from, to) to 0: just before they are added to.
template <class T>
void clear_rows(const Pool& p, std::int64_t from, std::int64_t to, std::int64_t count, T* dx) {
  for (std::int64_t pixel = from * p.width; pixel < to * p.width; ++pixel)
    std::fill_n(dx + pixel * p.channels, count, T{0});
}

template <class T, class F>
void scatter_rows(const Pool& p, T* dx, const F& row) {
  for_each_block(p, [&](std::int64_t image, std::int64_t channel, std::int64_t count) {
    T* out = dx + image * p.height * p.x_row() + channel;
    std::int64_t cleared = 0;
    for (std::int64_t oh = 0; oh < p.out_height; ++oh) {
      const Taps rows = taps_of(p.window, 0, oh, p.height);
      const std::int64_t reach = rows.first + rows.end;
      if (reach > cleared) clear_rows(p, cleared, reach, count, out), cleared = reach;
      row(image, oh, rows, channel, count, out);
    }
    clear_rows(p, cleared, p.height, count, out);
  });
}

template <class T>
void max_backward(const Pool& p, const T* x, const T* grad, T* dx) {
  scatter_rows(p, dx,
               [&](std::int64_t image, std::int64_t oh, const Taps& rows, std::int64_t channel,
                   std::int64_t count, T* out) {
                 std::vector<std::int64_t> places;
                 const T* pixels = x + image * p.height * p.x_row() + channel;
                 const T* g = grad + (image * p.out_height + oh) * p.y_row() + channel;
                 for (std::int64_t ow = 0; ow < p.out_width; ++ow) {
                   places.clear();
                   for_each_tap(p, rows, ow,
                                [&](std::int32_t, std::int64_t at) { places.push_back(at); });
                   pool_scatter_max(pixels, g + ow * p.channels, places.data(),
                                    static_cast<std::int64_t>(places.size()), count, out);
                 }
               });
}

template <class T>
void max_gather(const Pool& p, const T* x, const T* values, T* y) {
  for_each_block(p, [&](std::int64_t image, std::int64_t channel, std::int64_t count) {
    const std::int64_t start = image * p.height * p.x_row();
    std::int32_t winner[kPoolChannels];
    for (std::int64_t oh = 0; oh < p.out_height; ++oh) {
      const Taps rows = taps_of(p.window, 0, oh, p.height);
      for (std::int64_t ow = 0; ow < p.out_width; ++ow) {
        winners(p, x + start, rows, ow, channel, count, winner);
        T* out = y + (image * p.out_height + oh) * p.y_row() + ow * p.channels + channel;
        for_each_tap(p, rows, ow, [&](std::int32_t tap, std::int64_t at) {
          pool_gather(values + start + at + channel, winner, tap, count, out);
        });
      }
    }
  });
}

// 1 / (how many elements the window's mean divides by).
template <class T>
T share(const Pool& p, const Taps& rows, std::int64_t ow, bool include_padding) {
  const Taps columns = taps_of(p.window, 1, ow, p.width);
  const std::int64_t count = include_padding
                                 ? p.window.kernel[0] * p.window.kernel[1]
                                 : (rows.end - rows.begin) * (columns.end - columns.begin);
  return T{1} / static_cast<T>(count);
}

template <class T>
void average_forward(const Pool& p, const T* x, bool include_padding, T* y) {
  parallel_for(p.batch * p.out_height, row_grain(p), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* image = x + row / p.out_height * p.height * p.x_row();
      const Taps rows = taps_of(p.window, 0, row % p.out_height, p.height);
      for (std::int64_t ow = 0; ow < p.out_width; ++ow) {
        T* out = y + row * p.y_row() + ow * p.channels;
        std::fill_n(out, p.channels, T{0});
        const T factor = share<T>(p, rows, ow, include_padding);
        for_each_tap(p, rows, ow, [&](std::int32_t, std::int64_t at) {
          pool_add(image + at, factor, p.channels, out);
        });
      }
    }
  });
}

template <class T>
void average_backward(const Pool& p, const T* grad, bool include_padding, T* dx) {
  scatter_rows(p, dx,
               [&](std::int64_t image, std::int64_t oh, const Taps& rows, std::int64_t channel,
                   std::int64_t count, T* out) {
                 for (std::int64_t ow = 0; ow < p.out_width; ++ow) {
                   const T* g =
                       grad + (image * p.out_height + oh) * p.y_row() + ow * p.channels + channel;
                   const T factor = share<T>(p, rows, ow, include_padding);
                   for_each_tap(p, rows, ow, [&](std::int32_t, std::int64_t at) {
                     pool_add(g, factor, count, out + at);
                   });
                 }
               });
}

bool nhwc(const Tensor& t) {
  return t.is_channels_last() ||
         (t.is_contiguous() && (t.dim(1) == 1 || (t.dim(2) == 1 && t.dim(3) == 1)));
}

// Inputs in NHWC and f32 or f64, an output of the same kind, and the copy back where it is needed.
template <class F>
void run_nhwc(const KernelCall& call, int inputs, const F& f) {
  const Tensor& y = call.outputs[0];
  if (y.count() == 0) return;
  const DType work = y.dtype() == DType::f64 ? DType::f64 : DType::f32;
  Tensor in[2];
  for (int i = 0; i < inputs; ++i)
    in[i] = as_channels_last(as_dtype(call.inputs[static_cast<std::size_t>(i)], work));
  const Tensor out = y.dtype() == work && nhwc(y)
                         ? y
                         : Tensor::empty_strided(y.shape(), channels_last_strides(y.shape()), work);
  if (work == DType::f64)
    f(double{}, in, out);
  else
    f(float{}, in, out);
  if (!out.same(y)) copy_into(out, y);
}

void max_pool2d_kernel(const KernelCall& call) {
  const Pool p(ops::pool_window(call.op.name, call.attrs), call.inputs[0].shape(),
               call.outputs[0].shape());
  run_nhwc(call, 1, [&](auto tag, const Tensor* in, const Tensor& out) {
    using T = decltype(tag);
    max_forward(p, in[0].data<T>(), out.data<T>());
  });
}

void max_pool2d_grad_kernel(const KernelCall& call) {
  const Pool p(ops::pool_window(call.op.name, call.attrs), call.inputs[0].shape(),
               call.inputs[1].shape());
  run_nhwc(call, 2, [&](auto tag, const Tensor* in, const Tensor& out) {
    using T = decltype(tag);
    max_backward(p, in[0].data<T>(), in[1].data<T>(), out.data<T>());
  });
}

void max_pool2d_gather_kernel(const KernelCall& call) {
  const Pool p(ops::pool_window(call.op.name, call.attrs), call.inputs[0].shape(),
               call.outputs[0].shape());
  run_nhwc(call, 2, [&](auto tag, const Tensor* in, const Tensor& out) {
    using T = decltype(tag);
    max_gather(p, in[0].data<T>(), in[1].data<T>(), out.data<T>());
  });
}

void avg_pool2d_kernel(const KernelCall& call) {
  const Pool p(ops::pool_window(call.op.name, call.attrs), call.inputs[0].shape(),
               call.outputs[0].shape());
  const bool include = call.attrs.flag("count_include_pad");
  run_nhwc(call, 1, [&](auto tag, const Tensor* in, const Tensor& out) {
    using T = decltype(tag);
    average_forward(p, in[0].data<T>(), include, out.data<T>());
  });
}

void avg_pool2d_grad_kernel(const KernelCall& call) {
  const Pool p(ops::pool_window(call.op.name, call.attrs), call.outputs[0].shape(),
               call.inputs[0].shape());
  const bool include = call.attrs.flag("count_include_pad");
  run_nhwc(call, 1, [&](auto tag, const Tensor* in, const Tensor& out) {
    using T = decltype(tag);
    average_backward(p, in[0].data<T>(), include, out.data<T>());
  });
}

}  // namespace

void register_pool(KernelTable& t) {
  t.set("max_pool2d", Device::cpu, max_pool2d_kernel, kFloats);
  t.set("max_pool2d_grad", Device::cpu, max_pool2d_grad_kernel, kFloats);
  t.set("max_pool2d_gather", Device::cpu, max_pool2d_gather_kernel, kFloats);
  t.set("avg_pool2d", Device::cpu, avg_pool2d_kernel, kFloats);
  t.set("avg_pool2d_grad", Device::cpu, avg_pool2d_grad_kernel, kFloats);
}

}  // namespace athanor::backends::cpu
