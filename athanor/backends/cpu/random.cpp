#include "athanor/backends/cpu/random.hpp"

#include <cmath>
#include <numbers>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/backends/cpu/pointwise.hpp"
#include "athanor/backends/cpu/tiles.hpp"
#include "athanor/base/parallel.hpp"

// Numbers are a pure function of the key and the element's row-major index: blocks and threads
// begin at any multiple of four.
namespace athanor::backends::cpu {

namespace {

constexpr std::int64_t kTile = 1024;  // elements; their words stay in the first-level cache
static_assert(kParallelGrain % kTile == 0 && kTile % 4 == 0);

RandomKey key_of(const Attrs& a) {
  return {static_cast<std::uint64_t>(a.integer("seed")),
          static_cast<std::uint64_t>(a.integer("stream"))};
}

// Calls body(at, words, n) over tiles of the elements [0, count).
template <class Body>
void for_words(RandomKey key, std::int64_t count, const Body& body) {
  parallel_for(count, kParallelGrain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::uint32_t words[kTile];
    for (std::int64_t at = begin; at < end; at += kTile) {
      const std::int64_t n = std::min(kTile, end - at);
      philox_words(key, static_cast<std::uint64_t>(at / 4), static_cast<std::size_t>((n + 3) / 4),
                   words);
      body(at, words, static_cast<std::size_t>(n));
    }
  });
}

// f32 tiles of `make`, scaled and shifted, stored as the output's dtype.
template <class Make>
void fill_random(const Tensor& out, RandomKey key, float scale, float shift, const Make& make) {
  const ConvertFn store = convert_function(DType::f32, out.dtype());
  const std::size_t size = size_of(out.dtype());
  for_words(key, out.count(), [&](std::int64_t at, const std::uint32_t* words, std::size_t n) {
    alignas(64) float values[kTile];
    // Words come in groups of four, and pairs make normal numbers: whole groups, then a part.
    make(words, (n + 3) / 4 * 4, values);
    for (std::size_t i = 0; i < n; ++i) values[i] = shift + scale * values[i];
    store(values, static_cast<char*>(out.raw()) + static_cast<std::size_t>(at) * size, n);
  });
}

double fraction(std::uint32_t high, std::uint32_t low) {
  return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

void uniform_kernel(const KernelCall& call) {
  const Tensor& out = call.outputs[0];
  const double low = call.attrs.real("low"), width = call.attrs.real("high") - low;
  const RandomKey key = key_of(call.attrs);
  if (out.dtype() == DType::f64) {
    auto* y = out.data<double>();
    parallel_for(out.count(), kParallelGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto w = philox(key, static_cast<std::uint64_t>(i / 2));
        const std::size_t k = static_cast<std::size_t>(i % 2 * 2);
        y[i] = low + width * fraction(w[k], w[k + 1]);
      }
    });
    return;
  }
  fill_random(out, key, static_cast<float>(width), static_cast<float>(low), units_of_words);
}

void normal_kernel(const KernelCall& call) {
  const Tensor& out = call.outputs[0];
  const double mean = call.attrs.real("mean"), deviation = call.attrs.real("std");
  const RandomKey key = key_of(call.attrs);
  if (out.dtype() == DType::f64) {
    auto* y = out.data<double>();
    parallel_for(out.count(), kParallelGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i += 2) {
        const auto w = philox(key, static_cast<std::uint64_t>(i / 2));
        const double u = fraction(w[0], w[1]) + 0x1p-53;
        const double angle = 2 * std::numbers::pi * fraction(w[2], w[3]);
        const double radius = deviation * std::sqrt(-2 * std::log(u));
        y[i] = mean + radius * std::cos(angle);
        if (i + 1 < end) y[i + 1] = mean + radius * std::sin(angle);
      }
    });
    return;
  }
  fill_random(out, key, static_cast<float>(deviation), static_cast<float>(mean), normals_of_words);
}

void dropout_kernel(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  const double p = call.attrs.real("p");
  const RandomKey key = key_of(call.attrs);
  if (y.count() == 0) return;
  const double limit = std::ceil(p * 0x1p32);  // a word below it is dropped
  if (limit >= 0x1p32 || limit == 0) {
    run_expr(limit == 0 ? Expr::argument(0) : Expr(0.0), {&x, 1}, y);
    return;
  }
  const auto threshold = static_cast<std::uint32_t>(limit);
  const double scale = 1 / (1 - p);
  if (x.is_contiguous() && y.is_contiguous() && x.dtype() == DType::f32) {
    const auto* from = x.data<float>();
    auto* to = y.data<float>();
    for_words(key, x.count(), [&](std::int64_t at, const std::uint32_t* words, std::size_t n) {
      drop_by_words(words, threshold, from + at, static_cast<float>(scale), to + at, n);
    });
    return;
  }
  // Other memory orders and dtypes: the mask in row-major order, then one pointwise pass.
  const Tensor keep = Tensor::empty(x.shape(), DType::boolean);
  auto* mask = keep.data<bool>();
  for_words(key, x.count(), [&](std::int64_t at, const std::uint32_t* words, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
      mask[static_cast<std::size_t>(at) + i] = words[i] >= threshold;
  });
  const Tensor inputs[] = {x, keep};
  run_expr(where(Expr::argument(1), Expr::argument(0) * scale, 0.0), inputs, y);
}

}  // namespace

void register_random(KernelTable& t) {
  t.set("random_uniform", Device::cpu, uniform_kernel);
  t.set("random_normal", Device::cpu, normal_kernel);
  t.set("dropout", Device::cpu, dropout_kernel);
}

}  // namespace athanor::backends::cpu
