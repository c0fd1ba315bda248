#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "athanor/base/parallel.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/tensor/tensor.hpp"

// Inputs by a formula that the script of the PyTorch values uses too, and comparisons.
namespace athanor::testing {

/// sin(0.7 i + seed) in row-major order.
inline Tensor wave(const Shape& shape, double seed, DType dtype = DType::f32) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(0.7 * static_cast<double>(i) + seed);
  const Tensor exact = Tensor::from(values, shape);
  const Tensor out = Tensor::empty(shape, dtype);
  out.copy_from(exact);
  return out;
}

/// The same values in NHWC memory.
inline Tensor nhwc(const Tensor& t) {
  const Tensor out = Tensor::empty_strided(t.shape(), channels_last_strides(t.shape()), t.dtype());
  out.copy_from(t);
  return out;
}

/// A view whose elements do not lie in one block: every second element of a tensor twice as wide.
inline Tensor spread(const Tensor& t) {
  Shape wide = t.shape();
  wide.back() *= 2;
  const Tensor storage = Tensor::zeros(wide, t.dtype());
  Strides strides = contiguous_strides(wide);
  strides.back() = 2;
  const Tensor out = storage.view_as(t.shape(), strides, 0);
  out.copy_from(t);
  return out;
}

inline void expect_near(const Tensor& got, const std::vector<double>& want, double tolerance,
                        const std::string& what = "") {
  const auto values = got.to_vector<double>();
  ASSERT_EQ(values.size(), want.size()) << what;
  for (std::size_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(values[i], want[i], tolerance * (1 + std::fabs(want[i]))) << what << " at " << i;
}

inline void expect_same_bits(const Tensor& a, const Tensor& b, const std::string& what) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  EXPECT_TRUE(a.to_bytes() == b.to_bytes()) << what;
}

/// Restores threads and mode when a test ends.
struct ThreadsGuard {
  int threads = compute_threads();
  bool mode = deterministic();
  ~ThreadsGuard() {
    set_compute_threads(threads);
    set_deterministic(mode);
  }
};

/// Calls f() with 1, 2 and 4 threads in deterministic mode and expects the same bits; then twice
/// with two threads outside it.
template <class F>
void expect_thread_independence(const F& f, const std::string& what) {
  const ThreadsGuard guard;
  set_deterministic(true);
  std::vector<TensorList> results;
  for (int threads : {1, 2, 4}) {
    set_compute_threads(threads);
    results.push_back(f());
  }
  for (std::size_t run = 1; run < results.size(); ++run)
    for (std::size_t i = 0; i < results[0].size(); ++i)
      expect_same_bits(
          results[0][i], results[run][i],
          what + ", deterministic, output " + std::to_string(i) + ", run " + std::to_string(run));
  set_deterministic(false);
  set_compute_threads(2);
  const TensorList a = f(), b = f();
  for (std::size_t i = 0; i < a.size(); ++i)
    expect_same_bits(a[i], b[i], what + ", equal threads, output " + std::to_string(i));
}

}  // namespace athanor::testing
