#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor {
namespace {

constexpr std::int64_t kMany = 1000000;

// The largest distance between the empirical and the exact distribution function. Above
// 1.95 / sqrt(n) in one of a thousand samples (Kolmogorov).
template <class F>
double kolmogorov(std::vector<float> values, F distribution) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double f = distribution(static_cast<double>(values[i])), k = static_cast<double>(i);
    worst = std::max({worst, f - k / n, (k + 1) / n - f});
  }
  return worst * std::sqrt(n);
}

TEST(Random, UniformNumbersAreUniform) {
  const auto v = ops::random_uniform({kMany}, 1, 2).to_vector<float>();
  EXPECT_GE(*std::min_element(v.begin(), v.end()), 0.0f);
  EXPECT_LT(*std::max_element(v.begin(), v.end()), 1.0f);
  EXPECT_LT(kolmogorov(v, [](double x) { return x; }), 1.95);
}

TEST(Random, NormalNumbersAreNormal) {
  const auto v = ops::random_normal({kMany}, 3, 4).to_vector<float>();
  double sum = 0, squares = 0;
  for (float x : v) sum += static_cast<double>(x), squares += static_cast<double>(x) * x;
  EXPECT_NEAR(sum / kMany, 0, 4 / std::sqrt(kMany));
  EXPECT_NEAR(squares / kMany, 1, 4 * std::sqrt(2.0 / kMany));
  EXPECT_LT(kolmogorov(v, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }), 1.95);
  const auto scaled = ops::random_normal({kMany}, 3, 4, 10, 3).to_vector<float>();
  for (std::size_t i = 0; i < 100; ++i) EXPECT_NEAR(scaled[i], 10 + 3 * v[i], 1e-5);
}

TEST(Random, WordsAreThoseOfTheScalarGenerator) {
  // Known answers of Philox4x32-10 (Random123's kat_vectors), through the op: key and counter 0.
  const std::uint32_t known[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  const auto v = ops::random_uniform({4}, 0, 0).to_vector<float>();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(v[i], to_unit(known[i]));
  for (const std::int64_t n : {1, 2, 3, 5, 63, 1025, 70001}) {
    const auto values = ops::random_uniform({n}, -5, 77).to_vector<float>();
    for (std::int64_t i = 0; i < n; ++i)
      ASSERT_EQ(
          values[static_cast<std::size_t>(i)],
          to_unit(philox({static_cast<std::uint64_t>(-5), 77},
                         static_cast<std::uint64_t>(i / 4))[static_cast<std::size_t>(i % 4)]));
  }
}

TEST(Random, NormalNumbersAreThoseOfTheFormulaInFloat64) {
  const auto v = ops::random_normal({50001}, 9, 1).to_vector<float>();
  const double pi = std::acos(-1.0);
  for (std::size_t i = 0; i < v.size(); ++i) {
    const auto w = philox({9, 1}, i / 4);
    const double u = (w[i % 4 / 2 * 2] + 1.0) * 0x1p-32;
    const double angle = 2 * pi * static_cast<double>(to_unit(w[i % 4 / 2 * 2 + 1]));
    const double want = std::sqrt(-2 * std::log(u)) * (i % 2 ? std::sin(angle) : std::cos(angle));
    ASSERT_NEAR(v[i], want, 2e-6) << i;
  }
}

TEST(Random, NumbersDependOnTheirPositionAloneAndNotOnThreadsOrLength) {
  const int threads = compute_threads();
  set_compute_threads(1);
  const Tensor one = ops::random_normal({200001}, 5, 6);
  for (int t : {2, 3}) {
    set_compute_threads(t);
    EXPECT_EQ(ops::random_normal({200001}, 5, 6).to_bytes(), one.to_bytes());
  }
  set_compute_threads(threads);
  const auto all = one.to_vector<float>(),
             shorter = ops::random_normal({33}, 5, 6).to_vector<float>();
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), all.begin()));
  EXPECT_NE(ops::random_normal({8}, 5, 7).to_vector<float>(),
            ops::random_normal({8}, 5, 6).to_vector<float>());
  EXPECT_NE(ops::random_normal({8}, 4, 6).to_vector<float>(),
            ops::random_normal({8}, 5, 6).to_vector<float>());
}

TEST(Random, OtherDtypesHoldTheSameNumbersRounded) {
  const auto f32 = ops::random_uniform({1000}, 1, 1).to_vector<float>();
  for (DType d : {DType::f16, DType::bf16}) {
    const auto v = ops::random_uniform({1000}, 1, 1, 0, 1, d).to_vector<float>();
    for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(v[i], f32[i], 0.004);
  }
  const auto f64 = ops::random_uniform({1000}, 1, 1, 0, 1, DType::f64).to_vector<double>();
  EXPECT_NE(f64[0], static_cast<double>(static_cast<float>(f64[0])));
}

TEST(Dropout, DropsTheShareAndScalesTheRest) {
  const Tensor x = Tensor::ones({kMany});
  const auto y = ops::dropout(x, 0.3, 1, 2).to_vector<float>();
  const auto dropped = std::count(y.begin(), y.end(), 0.0f);
  EXPECT_NEAR(static_cast<double>(dropped) / kMany, 0.3, 4 * std::sqrt(0.21 / kMany));
  EXPECT_EQ(std::count(y.begin(), y.end(), static_cast<float>(1 / 0.7)), kMany - dropped);
}

TEST(Dropout, TheMaskIsTheSameInEveryMemoryOrderDtypeAndInTheGradient) {
  const Tensor x = ops::random_normal({3, 5, 7, 9}, 1, 1);
  const auto want = ops::dropout(x, 0.5, 8, 9).to_vector<float>();
  EXPECT_EQ(ops::dropout(ops::channels_last(x), 0.5, 8, 9).to_vector<float>(), want);
  EXPECT_EQ(ops::dropout(ops::cast(x, DType::f64), 0.5, 8, 9).to_vector<float>(), want);
  x.set_requires_grad();
  autograd::backward(ops::dropout(x, 0.5, 8, 9), Tensor::ones(x.shape()));
  const auto g = x.grad().to_vector<float>();
  for (std::size_t i = 0; i < g.size(); ++i) EXPECT_EQ(g[i], want[i] == 0 ? 0.0f : 2.0f);
}

}  // namespace
}  // namespace athanor
