#include <algorithm>
#include <cmath>
#include <vector>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/line_norm.hpp"
#include "athanor/backends/cpu/lines.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/ops/core/normalization.hpp"

namespace athanor::backends::cpu {

namespace {

// The call as rows of `count` values that are normalised together.
struct Rows {
  std::int64_t rows = 1, count = 1;
  Rows(const Tensor& x, std::int64_t dims) {
    const auto rank = static_cast<std::int64_t>(x.shape().size());
    for (std::int64_t i = 0; i < rank; ++i)
      (i < rank - dims ? rows : count) *= x.shape()[static_cast<std::size_t>(i)];
  }
};

// A parameter as contiguous values of W; undefined stays so.
template <class W>
Tensor parameter(const Tensor& t) {
  return t.defined() ? as_contiguous(as_dtype(t, dtype_of<W>)) : t;
}
template <class W>
const W* values_of(const Tensor& t) {
  return t.defined() ? t.data<W>() : nullptr;
}

// Row i of contiguous memory as values of W: in place, or widened into the buffer.
template <class T, class W>
const W* row_of(const T* base, std::int64_t i, std::int64_t count, std::vector<W>& buffer) {
  if constexpr (std::is_same_v<T, W>) {
    return base + i * count;
  } else {
    widen(base + i * count, buffer.data(), count);
    return buffer.data();
  }
}

template <class W>
void moments_of(const W* x, std::int64_t count, bool centre, double epsilon, W& mean, W& scale) {
  W square = 0;
  line_moments(x, count, centre, mean, square);
  scale = 1 / std::sqrt(square + static_cast<W>(epsilon));
}

// How many rows one block takes: a few dozen blocks whatever the threads.
std::int64_t block_of(const Rows& r) {
  return std::max({std::int64_t{1}, (std::int64_t{1} << 13) / std::max<std::int64_t>(r.count, 1),
                   (r.rows + 63) / 64});
}

void forward(const KernelCall& call, bool centre) {
  const Tensor x = as_contiguous(call.inputs[0]);
  const Rows r(x, call.attrs.integer("dims"));
  const double epsilon = call.attrs.real("epsilon");
  if (x.count() == 0) return;
  visit_floating(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using W = Work<T>;
    const Tensor weight = parameter<W>(call.inputs[1]);
    const Tensor bias = centre ? parameter<W>(call.inputs[2]) : Tensor();
    const W *w = values_of<W>(weight), *b = values_of<W>(bias);
    const T* in = static_cast<const T*>(x.raw());
    T* out = static_cast<T*>(call.outputs[0].raw());
    parallel_for(r.rows, block_of(r), [&](std::int64_t begin, std::int64_t end) {
      constexpr bool same = std::is_same_v<T, W>;
      std::vector<W> buffer(same ? 0 : static_cast<std::size_t>(r.count)), result = buffer;
      for (std::int64_t i = begin; i < end; ++i) {
        const W* row = row_of(in, i, r.count, buffer);
        W mean = 0, scale = 0;
        moments_of(row, r.count, centre, epsilon, mean, scale);
        if constexpr (same) {
          line_normalise(row, r.count, mean, scale, w, b, out + i * r.count);
        } else {
          line_normalise(row, r.count, mean, scale, w, b, result.data());
          narrow(result.data(), out + i * r.count, r.count);
        }
      }
    });
  });
}

// dx, dweight (and dbias). The sums over rows are made for each block of rows and added in the
// order of the blocks.
void backward(const KernelCall& call, bool centre) {
  const Tensor x = as_contiguous(call.inputs[0]), grad = as_contiguous(call.inputs[1]);
  const Rows r(x, call.attrs.integer("dims"));
  const double epsilon = call.attrs.real("epsilon");
  visit_floating(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using W = Work<T>;
    const Tensor weight = parameter<W>(call.inputs[2]);
    const W* w = values_of<W>(weight);
    const T *in = static_cast<const T*>(x.raw()), *g = static_cast<const T*>(grad.raw());
    T* dx = static_cast<T*>(call.outputs[0].raw());
    const std::int64_t block = block_of(r), blocks = (r.rows + block - 1) / block;
    const auto width = static_cast<std::size_t>(r.count);
    std::vector<W> sums(static_cast<std::size_t>(blocks) * width * (centre ? 2 : 1));
    parallel_for(x.count() == 0 ? 0 : r.rows, block, [&](std::int64_t begin, std::int64_t end) {
      constexpr bool same = std::is_same_v<T, W>;
      std::vector<W> buffer(same ? 0 : width), other = buffer, result = buffer;
      W* dweight = sums.data() + static_cast<std::size_t>(begin / block) * width * (centre ? 2 : 1);
      W* dbias = centre ? dweight + width : nullptr;
      for (std::int64_t i = begin; i < end; ++i) {
        const W *row = row_of(in, i, r.count, buffer), *up = row_of(g, i, r.count, other);
        W mean = 0, scale = 0, first = 0, second = 0;
        moments_of(row, r.count, centre, epsilon, mean, scale);
        line_grad_means(row, up, r.count, mean, scale, w, first, second);
        if (!centre) first = 0;
        line_grad_parameters(row, up, r.count, mean, scale, dweight, dbias);
        if constexpr (same) {
          line_grad(row, up, r.count, mean, scale, w, first, second, dx + i * r.count);
        } else {
          line_grad(row, up, r.count, mean, scale, w, first, second, result.data());
          narrow(result.data(), dx + i * r.count, r.count);
        }
      }
    });
    for (std::size_t k = 0; k < (centre ? 2u : 1u); ++k) {
      W* out = call.outputs[1 + k].template data<W>();
      std::fill(out, out + width, W(0));
      for (std::size_t b = 0; b < static_cast<std::size_t>(blocks); ++b) {
        const W* part = sums.data() + (b * (centre ? 2 : 1) + k) * width;
        for (std::size_t c = 0; c < width; ++c) out[c] += part[c];
      }
    }
  });
}

}  // namespace

void register_layer_norm(KernelTable& table) {
  table.set("layer_norm", Device::cpu, [](const KernelCall& c) { forward(c, true); }, kFloats);
  table.set("rms_norm", Device::cpu, [](const KernelCall& c) { forward(c, false); }, kFloats);
  table.set(
      "layer_norm_grad", Device::cpu, [](const KernelCall& c) { backward(c, true); }, kFloats);
  table.set("rms_norm_grad", Device::cpu, [](const KernelCall& c) { backward(c, false); }, kFloats);
}

}  // namespace athanor::backends::cpu
