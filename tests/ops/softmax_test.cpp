#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

// torch.softmax / log_softmax / logsumexp of these rows, PyTorch 1.13.
const std::vector<double> kRows{1,      2, 3, kInf,  1, 2, -kInf, -kInf, -kInf,
                                kQuiet, 1, 2, -kInf, 0, 1, 1000,  1001,  1002};
const std::vector<double> kSoftmax{0.09003057330846786,
                                   0.2447284758090973,
                                   0.6652409434318542,
                                   kQuiet,
                                   kQuiet,
                                   kQuiet,
                                   kQuiet,
                                   kQuiet,
                                   kQuiet,
                                   kQuiet,
                                   kQuiet,
                                   kQuiet,
                                   0.0,
                                   0.2689414322376251,
                                   0.7310585975646973,
                                   0.09003057330846786,
                                   0.2447284758090973,
                                   0.6652409434318542};
const std::vector<double> kLogSoftmax{-2.4076058864593506,
                                      -1.4076058864593506,
                                      -0.40760594606399536,
                                      kQuiet,
                                      kQuiet,
                                      kQuiet,
                                      kQuiet,
                                      kQuiet,
                                      kQuiet,
                                      kQuiet,
                                      kQuiet,
                                      kQuiet,
                                      -kInf,
                                      -1.31326162815094,
                                      -0.31326165795326233,
                                      -2.4076058864593506,
                                      -1.4076058864593506,
                                      -0.40760594606399536};
const std::vector<double> kLogSumExp{3.4076058864593506, kInf, -kInf, kQuiet, 1.31326162815094,
                                     1002.4075927734375};

TEST(Softmax, RowsWithInfinitiesAndNaNAreAsInPyTorch) {
  for (DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = values(kRows, {6, 3}, dtype);
    expect_near(ops::softmax(x), kSoftmax, 2e-7);
    expect_near(ops::log_softmax(x), kLogSoftmax, 2e-7);
    expect_near(ops::logsumexp(x, {1}), kLogSumExp, 2e-7);
    // Along the leading axis of the transposed rows.
    const Tensor t = ops::permute(x, {1, 0});
    expect_near(ops::permute(ops::softmax(t, 0), {1, 0}), kSoftmax, 2e-7);
    expect_near(ops::permute(ops::log_softmax(t, 0), {1, 0}), kLogSoftmax, 2e-7);
    expect_near(ops::logsumexp(t, {0}), kLogSumExp, 2e-7);
  }
}

TEST(Softmax, EqualsTheDefinitionForRowsOfEveryLength) {
  for (std::int64_t n : {1, 2, 15, 16, 17, 31, 33, 100, 1000}) {
    const Tensor x = scattered({3, n}) * 20.0;
    const auto v = x.to_vector<double>();
    std::vector<double> expected;
    for (std::int64_t r = 0; r < 3; ++r) {
      long double total = 0;
      for (std::int64_t i = 0; i < n; ++i)
        total += std::exp(static_cast<long double>(v[static_cast<std::size_t>(r * n + i)]));
      for (std::int64_t i = 0; i < n; ++i)
        expected.push_back(static_cast<double>(
            std::exp(static_cast<long double>(v[static_cast<std::size_t>(r * n + i)])) / total));
    }
    // x - max(x) is up to 40, where f32 is rounded by up to 1.9e-6.
    const auto got = ops::softmax(x).to_vector<double>();
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], expected[i], 3e-6 * expected[i] + 1e-38) << n << " at " << i;
    const auto logs = ops::log_softmax(x).to_vector<double>();
    for (std::size_t i = 0; i < logs.size(); ++i)
      EXPECT_NEAR(logs[i], std::log(expected[i]), 1e-5) << n << " at " << i;
  }
}

TEST(Softmax, SumsToOneInHalves) {
  for (DType dtype : {DType::f16, DType::bf16}) {
    const Tensor y = ops::softmax(scattered({4, 50}, dtype));
    EXPECT_EQ(y.dtype(), dtype);
    for (double total : ops::sum(ops::cast(y, DType::f32), {1}).to_vector<double>())
      EXPECT_NEAR(total, 1, dtype == DType::f16 ? 2e-3 : 2e-2);
  }
}

TEST(Softmax, KeepsImagesInTheirMemoryOrder) {
  const Tensor x = ops::channels_last(scattered({2, 5, 3, 4}));
  const Tensor y = ops::softmax(x, 1);
  EXPECT_TRUE(y.is_channels_last());
  expect_near(y, ops::softmax(ops::contiguous(x), 1).to_vector<double>(), 1e-7);
}

TEST(Softmax, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = scattered({123, 777});
  expect_same_bits([&] { return ops::softmax(x); });
  expect_same_bits([&] { return ops::log_softmax(x, 0); });
  expect_same_bits([&] { return ops::logsumexp(x, {1}); });
}

TEST(LogSumExp, OfNothingIsMinusInfinity) {
  EXPECT_EQ(ops::logsumexp(Tensor::zeros({0})).item(), -kInf);
  EXPECT_EQ(ops::logsumexp(Tensor::zeros({2, 0}), {1}).to_vector<double>(),
            (std::vector<double>{-kInf, -kInf}));
  // Over several axes: log(sum of 6 equal terms) = x + log(6).
  EXPECT_NEAR(ops::logsumexp(Tensor::full({2, 3}, 2)).item(), 2 + std::log(6.0), 1e-6);
}

}  // namespace
}  // namespace athanor
