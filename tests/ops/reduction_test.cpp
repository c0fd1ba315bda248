#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

TEST(Sum, OfOneToNIsTheFormulaOfGauss) {
  for (std::int64_t n : {1, 7, 64, 1000, 4097, 70000}) {
    std::vector<double> v;
    for (std::int64_t i = 1; i <= n; ++i) v.push_back(static_cast<double>(i));
    const double expected = static_cast<double>(n) * static_cast<double>(n + 1) / 2;
    EXPECT_NEAR(ops::sum(values(v, {n})).item(), expected, expected * 1e-7);
    EXPECT_EQ(ops::sum(values(v, {n}, DType::f64)).item(), expected);
    EXPECT_EQ(ops::sum(values(v, {n}, DType::i32)).item(), expected);
  }
}

TEST(Sum, OfTenMillionTenthsStaysExactInF32) {
  // Adding one by one in f32 would give 1087937.
  const Tensor x = Tensor::full({10'000'000}, 0.1);
  EXPECT_NEAR(ops::sum(x).item(), 1e7 * static_cast<double>(0.1f), 1);
}

TEST(Sum, IntegersAndBoolBecomeI64AndDoNotOverflow) {
  const Tensor bytes = Tensor::full({100000}, 255, DType::u8);
  EXPECT_EQ(ops::sum(bytes).dtype(), DType::i64);
  EXPECT_EQ(ops::sum(bytes).item(), 25'500'000);
  EXPECT_EQ(ops::sum(Tensor::full({300, 2}, 1, DType::boolean), {0}).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{300, 300}));
  EXPECT_EQ(ops::mean(values({1, 2}, {2}, DType::i8)).dtype(), DType::f32);
  EXPECT_EQ(ops::mean(values({1, 2}, {2}, DType::i8)).item(), 1.5);
}

TEST(Sum, OverAnyAxesEqualsSumsOfPlainLoops) {
  const Shape shape{3, 5, 2, 7};
  const Tensor x = scattered(shape, DType::f64);
  const auto v = x.to_vector<double>();
  for (int mask = 1; mask < 16; ++mask) {
    Dims axes;
    Shape kept;
    for (std::size_t i = 0; i < 4; ++i) {
      if ((mask >> i) & 1) axes.push_back(static_cast<std::int64_t>(i));
      kept.push_back((mask >> i) & 1 ? 1 : shape[i]);
    }
    const Strides to = contiguous_strides(kept);
    std::vector<double> expected(static_cast<std::size_t>(element_count(kept)), 0);
    std::size_t at = 0;
    for (int a = 0; a < 3; ++a)
      for (int b = 0; b < 5; ++b)
        for (int c = 0; c < 2; ++c)
          for (int d = 0; d < 7; ++d) {
            const int place[] = {a, b, c, d};
            std::int64_t group = 0;
            for (std::size_t i = 0; i < 4; ++i)
              if (kept[i] != 1) group += place[i] * to[i];
            expected[static_cast<std::size_t>(group)] += v[at++];
          }
    expect_near(ops::sum(x, axes, true), expected, 1e-12);
    // The same in NHWC memory, in halves, and of every other element.
    expect_near(ops::sum(ops::channels_last(x), axes), expected, 1e-12);
    expect_near(ops::sum(ops::cast(x, DType::f32), axes), expected, 1e-5);
    expect_near(ops::sum(ops::cast(x, DType::bf16), axes), expected, 0.03);
    Tensor spread = Tensor::zeros({3, 5, 2, 14}, DType::f64);
    const Tensor part = ops::slice(spread, 3, 0, 14, 2);
    part.copy_from(x);
    expect_near(ops::sum(part, axes), expected, 1e-12);
  }
}

TEST(Sum, OfNothingIsZeroAndTheMeanOfNothingIsNaN) {
  EXPECT_EQ(ops::sum(Tensor::zeros({0})).item(), 0);
  EXPECT_EQ(ops::sum(Tensor::zeros({2, 0}), {1}).to_vector<float>(), (std::vector<float>{0, 0}));
  EXPECT_EQ(ops::sum(Tensor::zeros({0, 2}), {1}).shape(), Shape{0});
  EXPECT_TRUE(std::isnan(ops::mean(Tensor::zeros({0})).item()));
}

TEST(Sum, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = scattered({70, 3, 50, 41});
  for (const Dims& axes : {Dims{}, Dims{3}, Dims{0, 2, 3}, Dims{0}, Dims{1, 2}, Dims{0, 1, 2}})
    expect_same_bits([&] { return ops::sum(x, axes); });
  const Tensor nhwc = ops::channels_last(x);
  expect_same_bits([&] { return ops::sum(nhwc, {0, 2, 3}); });
  expect_same_bits([&] { return ops::mean(ops::cast(x, DType::f16), {0, 2, 3}); });
}

TEST(Sum, OfAnExpandedTensorCountsEveryRepetition) {
  const Tensor x = ops::expand(values({1, 2, 3}, {3}), {1000, 3});
  EXPECT_EQ(ops::sum(x).item(), 6000);
  EXPECT_EQ(ops::sum(x, {0}).to_vector<float>(), (std::vector<float>{1000, 2000, 3000}));
  EXPECT_EQ(ops::sum(ops::expand(Tensor::scalar(0.5), {10, 10})).item(), 50);
}

TEST(Extremes, NaNWinsWhereverItStands) {
  for (std::int64_t n : {3, 40, 5000})
    for (std::int64_t place : {std::int64_t{0}, n / 2, n - 1}) {
      std::vector<double> v(static_cast<std::size_t>(n), 1);
      v[static_cast<std::size_t>(place)] = kQuiet;
      for (DType dtype : {DType::f32, DType::f64, DType::bf16}) {
        EXPECT_TRUE(std::isnan(ops::amax(values(v, {n}, dtype)).item()));
        EXPECT_TRUE(std::isnan(ops::amin(values(v, {n, 1}, dtype), {0}).item()));
        EXPECT_EQ(ops::argmax(values(v, {n}, dtype)).item(), static_cast<double>(place));
      }
    }
}

TEST(Extremes, InfinitiesAreOrdinaryValues) {
  std::vector<double> v(100, 1);
  v[70] = kInf;
  v[71] = -kInf;
  EXPECT_EQ(ops::amax(values(v, {100})).item(), kInf);
  EXPECT_EQ(ops::amin(values(v, {100})).item(), -kInf);
  EXPECT_EQ(ops::argmax(values(v, {100})).item(), 70);
  EXPECT_EQ(ops::argmin(values(v, {100})).item(), 71);
  EXPECT_EQ(ops::amax(Tensor::full({50}, -kInf)).item(), -kInf);
}

TEST(Extremes, TiesShareTheGradientEvenly) {
  const Tensor x = values({2, 5, 5, 1, 5, 0}, {6}).set_requires_grad();
  autograd::backward(ops::amax(x));
  expect_near(x.grad(), {0, 1.0 / 3, 1.0 / 3, 0, 1.0 / 3, 0}, 1e-6);
}

TEST(Extremes, TheFirstOfEqualsHasTheIndex) {
  EXPECT_EQ(ops::argmax(values({1, 3, 3, 0}, {4})).item(), 1);
  EXPECT_EQ(ops::argmin(values({1, 0, 3, 0}, {4}, DType::i32)).item(), 1);
  const Tensor x = values({1, 2, 3, 9, 2, 0}, {3, 2});
  EXPECT_EQ(ops::argmax(x, 0).to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(ops::argmax(x, 1).to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 1, 0}));
}

TEST(Extremes, AnEmptyReductionIsRefused) {
  EXPECT_NE(error_of<ValueError>([] {
              ops::amax(Tensor::zeros({0, 3}), {0});
            }).find("amax: axis 0 of f32[0,3] has no elements"),
            std::string::npos);
  EXPECT_EQ(ops::amax(Tensor::zeros({0, 3}), {1}).shape(), Shape{0});
}

TEST(Reductions, RefuseAxesByName) {
  EXPECT_NE(error_of<IndexError>([] {
              ops::sum(Tensor::zeros({2}), {1});
            }).find("sum: axis 1 is outside [-1, 1)"),
            std::string::npos);
  EXPECT_NE(error_of<ValueError>([] {
              ops::mean(Tensor::zeros({2, 2}), {0, -2});
            }).find("mean: axis 0 stands twice"),
            std::string::npos);
}

}  // namespace
}  // namespace athanor
