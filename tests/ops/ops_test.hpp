#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "athanor/autograd/autograd.hpp"
#include "athanor/base/error.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::test {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kQuiet = std::numeric_limits<double>::quiet_NaN();

/// A tensor of float64 values converted to `dtype`.
inline Tensor values(const std::vector<double>& v, const Shape& shape, DType dtype = DType::f32) {
  Tensor t = Tensor::empty(shape, dtype);
  t.copy_from(Tensor::from(v, shape));
  return t;
}

/// Values without a pattern in [-1, 1], from the fraction of i times the golden ratio.
inline Tensor scattered(const Shape& shape, DType dtype = DType::f32) {
  std::vector<double> v(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < v.size(); ++i)
    v[i] = 2 * std::fmod(static_cast<double>(i + 1) * 0.6180339887498949, 1.0) - 1;
  return values(v, shape, dtype);
}

inline void expect_near(const Tensor& actual, const std::vector<double>& expected,
                        double tolerance) {
  const auto got = actual.to_vector<double>();
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(got[i])) << "element " << i << " is " << got[i];
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(got[i], expected[i]) << "element " << i;
    } else {
      EXPECT_NEAR(got[i], expected[i], tolerance * (1 + std::fabs(expected[i]))) << "element " << i;
    }
  }
}

/// Runs f and returns the text of the E that it throws; a failure otherwise.
template <class E, class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another type of error: " << error.what();
    return {};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

/// The bytes that f gives with 1, 2, 3 and 4 threads are the same.
template <class F>
void expect_same_bits(const F& f) {
  const int before = compute_threads();
  std::vector<std::uint8_t> first;
  for (int threads = 1; threads <= 4; ++threads) {
    set_compute_threads(threads);
    const std::vector<std::uint8_t> bytes = f().to_bytes();
    if (threads == 1) first = bytes;
    EXPECT_TRUE(bytes == first) << threads << " threads";
  }
  set_compute_threads(before);
}

}  // namespace athanor::test
