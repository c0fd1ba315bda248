#include <cmath>
#include <numbers>

#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

// Expected values: NumPy 1.24.
TEST(Fourier, AgreesWithNumPy) {
  expect_near(ops::rfft(values({1, 2, 0, -1, 3, 0.5}, {6}, DType::f64)),
              {5.5, 0, 1.75, 1.29903811, -2.75, -3.89711432, 2.5, 0}, 1e-8);
  expect_near(ops::fft(values({1, 2, 0, -1, 3, 0, 0.5, 0.5, 2, 0}, {5, 2}, DType::f64)),
              {6.5, 1.5, -2.45847463, 1.71912441, 0.35126850, 6.51673729, 0.57578249, -0.58968630,
               0.03142365, 0.85382461},
              1e-8);
}

TEST(Fourier, ALargePrimeSizeComesBack) {
  for (const std::int64_t n : {10007, 2 * 5003, 65536}) {
    const Tensor x = scattered({2, n});
    const Tensor back = ops::irfft(ops::rfft(x), n);
    EXPECT_LT(ops::amax(ops::abs(back - x)).item(), 2e-6) << n;
  }
}

TEST(Fourier, OneFrequencyIsOneLine) {
  const std::int64_t n = 1201;  // prime
  std::vector<double> wave;
  for (std::int64_t i = 0; i < n; ++i)
    wave.push_back(std::cos(2 * std::numbers::pi * 17 * static_cast<double>(i) / n));
  const auto y = ops::rfft(values(wave, {n}, DType::f64)).to_vector<double>();
  for (std::size_t k = 0; k < y.size(); ++k)
    EXPECT_NEAR(y[k], k == 34 ? static_cast<double>(n) / 2 : 0, 1e-9) << k;
}

TEST(Fourier, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = scattered({300, 251});
  expect_same_bits([&] { return ops::rfft(x); });
  expect_same_bits([&] { return ops::rfft(x, 0); });
}

}  // namespace
}  // namespace athanor
