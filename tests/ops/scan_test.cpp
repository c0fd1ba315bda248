#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

// Values and gradients from PyTorch 1.13 in float64.
const std::vector<double> kWithZeros{2, 0, 3, -1.5, 0, 4, 0, 2, 1.5, -2, 0.5, 3};
const std::vector<double> kPlain{1.5, -2.25, 3.0, 0.5, 4.0, 4.5, -1.0, 2.0, 0.25, 8.0, 6.0, -3.5};
const std::vector<double> kRowWeights{1, -2, 0.5};

TEST(CumSum, ExclusiveAndReverseAreThoseOfOnnx) {
  const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3});
  expect_near(ops::cumsum(x, 1), {1, 3, 6, 4, 9, 15}, 0);
  expect_near(ops::cumsum(x, 0), {1, 2, 3, 5, 7, 9}, 0);
  expect_near(ops::cumsum(x, 1, true), {0, 1, 3, 0, 4, 9}, 0);
  expect_near(ops::cumsum(x, 1, false, true), {6, 5, 3, 15, 11, 6}, 0);
  expect_near(ops::cumsum(x, 1, true, true), {5, 3, 0, 11, 6, 0}, 0);
}

TEST(CumSum, IntegersAndBoolBecomeI64) {
  const Tensor y = ops::cumsum(Tensor::full({400}, 255, DType::u8), 0);
  EXPECT_EQ(y.dtype(), DType::i64);
  EXPECT_EQ(y.data<std::int64_t>()[399], 400 * 255);
  EXPECT_EQ(ops::cumsum(Tensor::full({9}, 1, DType::boolean), 0).data<std::int64_t>()[8], 9);
}

TEST(CumSum, OfAMillionTenthsIsRoundedOnceInF32) {
  // Added one by one in f32 the last would be 100958.34; the blocks of long lines must fit too.
  const std::int64_t n = 1'000'000;
  for (const bool exclusive : {false, true})
    for (const bool reverse : {false, true}) {
      const Tensor y = ops::cumsum(Tensor::full({n}, 0.1), 0, exclusive, reverse);
      const double tenth = static_cast<double>(0.1f);
      for (std::int64_t i = 0; i < n; i += 997) {
        const std::int64_t terms = (reverse ? n - i : i + 1) - exclusive;
        const double exact = tenth * static_cast<double>(terms);
        ASSERT_NEAR(static_cast<double>(y.data<float>()[i]), exact, exact * 6.1e-8) << i;
      }
    }
}

TEST(CumSum, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor line = scattered({300'001}), table = scattered({70'000, 3});
  expect_same_bits([&] { return ops::cumsum(line, 0); });
  expect_same_bits([&] { return ops::cumsum(table, 0, false, true); });
  expect_same_bits([&] { return ops::cumsum(table, 1); });
  expect_same_bits([&] { return ops::cumprod(table, 1); });
}

TEST(CumSum, LongLinesOfAnyStrideEqualShortOnes) {
  const Tensor x = scattered({70'000, 2}, DType::f64);
  const auto v = x.to_vector<double>();
  std::vector<double> expected(v.size());
  double total[2] = {0, 0};
  for (std::size_t i = 0; i < v.size(); ++i) expected[i] = total[i % 2] += v[i];
  expect_near(ops::cumsum(x, 0), expected, 1e-12);
  const Tensor turned = ops::permute(ops::contiguous(ops::permute(x, {1, 0})), {1, 0});
  expect_near(ops::cumsum(turned, 0), expected, 1e-12);
}

TEST(CumProd, ValuesAndGradientWithZerosAreThoseOfPyTorch) {
  const Tensor x = values(kWithZeros, {3, 4}, DType::f64).set_requires_grad();
  const Tensor y = ops::cumprod(x, 1);
  expect_near(y, {2, 0, 0, 0, 0, 0, 0, 0, 1.5, -3, -1.5, -4.5}, 0);
  autograd::backward(
      ops::sum(y * values({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {3, 4}, DType::f64)));
  expect_near(x.grad(), {1, -14, 0, 0, 29, 0, 0, 0, -58, 50.25, -141, -18}, 1e-14);
}

TEST(Prod, GradientWithZerosIsThatOfPyTorch) {
  const Tensor x = values(kWithZeros, {3, 4}, DType::f64).set_requires_grad();
  autograd::backward(ops::sum(ops::prod(x, {1}) * values(kRowWeights, {3}, DType::f64)));
  expect_near(x.grad(), {0, -9, 0, 0, 0, 0, 0, 0, -1.5, 1.125, -4.5, -0.75}, 1e-14);
  // One zero among three numbers: only its own place has a gradient.
  const Tensor z = values({2, 0, 5}, {3, 1}, DType::f64).set_requires_grad();
  autograd::backward(ops::prod(z));
  expect_near(z.grad(), {0, 10, 0}, 0);
}

TEST(Prod, OfIntegersIsI64AndOfNothingIsOne) {
  const Tensor y = ops::prod(Tensor::full({10}, 10, DType::i32));
  EXPECT_EQ(y.dtype(), DType::i64);
  EXPECT_EQ(y.data<std::int64_t>()[0], 10'000'000'000);
  EXPECT_EQ(ops::prod(Tensor::zeros({0})).item(), 1);
  // 70000 factors in blocks: 2^10 of 2 and as many of 1/2 leave 1.
  std::vector<double> v(70'000, 1);
  for (std::size_t i = 0; i < 1024; ++i) v[i * 60] = 2, v[69'999 - i * 60] = 0.5;
  EXPECT_EQ(ops::prod(values(v, {70'000}, DType::f64)).item(), 1);
}

TEST(LinearScan, IsTheRecurrence) {
  const Tensor a = values({9, 0.5, 2, 0, 1}, {5}), b = values({1, 2, 3, 4, 5}, {5});
  expect_near(ops::linear_scan(a, b, 0), {1, 2.5, 8, 4, 9}, 0);
  // From the end: 5, 0*5+4, 2*4+3, 0.5*11+2, 9*7.5+1.
  expect_near(ops::linear_scan(a, b, 0, true), {68.5, 7.5, 11, 4, 5}, 0);
}

TEST(Variance, ValuesAndGradientsAreThoseOfPyTorch) {
  const Tensor x = values(kPlain, {3, 4}, DType::f64).set_requires_grad();
  expect_near(ops::var(x, {1}), {4.890625, 6.229166666666667, 27.807291666666668}, 1e-15);
  expect_near(ops::var(x), {11.458333333333334}, 1e-15);
  expect_near(ops::std(x, {0}, false, 0),
              {1.5590239111558089, 4.254083006033406, 2.8674417556808756, 2.3213980461973533},
              1e-15);
  autograd::backward(ops::sum(ops::std(x, {1}) * values(kRowWeights, {3}, DType::f64)));
  expect_near(x.grad(),
              {0.12246724077124799, -0.4427661781729735, 0.3485606083489366, -0.028261670947211076,
               -0.43405736614121554, -0.5676134788000511, 0.90150376044714, 0.10016708449412666,
               -0.07703960154382349, 0.167906823877564, 0.10469484312365757, -0.1955620654573981},
              1e-14);
}

TEST(Variance, KeepsItsDigitsFarFromZeroInEveryOrderOfMemory) {
  // Integers 0 to 1023 beside 2^23: exact in f32; the variance of 0..n-1 is (n^2 - 1) / 12.
  std::vector<double> v;
  for (int i = 0; i < 1024 * 64; ++i) v.push_back(8388608.0 + i / 64);
  const double exact = (1024.0 * 1024.0 - 1) / 12;
  const Tensor x = values(v, {1024, 64});
  EXPECT_NEAR(ops::var(x, {}, false, 0).item(), exact, exact * 1e-6);
  expect_near(ops::var(x, {0}, false, 0), std::vector<double>(64, exact), 1e-6);
  expect_near(ops::var(ops::contiguous(ops::permute(x, {1, 0})), {1}, false, 0),
              std::vector<double>(64, exact), 1e-6);
  expect_near(ops::var(x, {1}, false, 0), std::vector<double>(1024, 0), 0);
}

TEST(Variance, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = scattered({70, 3, 50, 41});
  for (const Dims& axes : {Dims{}, Dims{3}, Dims{0, 2, 3}, Dims{0}, Dims{1, 2}})
    expect_same_bits([&] { return ops::var(x, axes); });
}

TEST(Variance, OfOneElementIsNaNAndTheGradientOfAConstantRowIsZero) {
  EXPECT_TRUE(std::isnan(ops::var(Tensor::ones({1})).item()));
  EXPECT_EQ(ops::var(Tensor::ones({1}), {}, false, 0).item(), 0);
  // 0.1 in f32 and 70000 of it: several parts, whose means must be the very number.
  EXPECT_EQ(ops::var(Tensor::full({70'000}, 0.1)).item(), 0);
  const Tensor x = Tensor::full({3}, 0.1).set_requires_grad();
  autograd::backward(ops::std(x));
  expect_near(x.grad(), {0, 0, 0}, 0);
}

struct NormCase {
  double p;
  std::vector<double> value, gradient;
};
const NormCase kNorms[] = {
    {1.5,
     {4.8744306939762465, 7.701858415060004, 12.462841167372275},
     {0.5547325882072581, -0.6794058924006217, 0.7845103497330337, 0.32027500912971835,
      -1.4413260169119189, -1.5287571006885212, 0.7206630084559594, -1.0191714004590144,
      0.07081601407672194, 0.40059587016201675, 0.3469262002114391, -0.2649692621720541}},
    {2,
     {4.0697051490249265, 6.422616289332565, 10.597759197113321},
     {0.3685770701003707, -0.552865605150556, 0.7371541402007414, 0.12285902336679023,
      -1.2455983106584367, -1.4012980994907414, 0.3113995776646092, -0.6227991553292184,
      0.011794946240526792, 0.37743827969685734, 0.283078709772643, -0.16512924736737508}},
    {3,
     {3.473006637592918, 5.475093998372265, 9.169188929428575},
     {0.18653970750219329, -0.4197143418799349, 0.7461588300087731, 0.020726634166910365,
      -1.0674973827747904, -1.3510513750743443, 0.0667185864234244, -0.2668743456936976,
      0.0003716962494447809, 0.3806169594314556, 0.21409703968019378, -0.07285246489117705}},
    {kInf, {3, 4.5, 8}, {0, 0, 1, 0, 0, -2, 0, 0, 0, 0.5, 0, 0}}};

TEST(Norm, ValuesAndGradientsAreThoseOfPyTorch) {
  for (const NormCase& c : kNorms)
    for (DType dtype : {DType::f64, DType::f32}) {
      SCOPED_TRACE(c.p);
      const double tolerance = dtype == DType::f64 ? 1e-14 : 1e-6;
      const Tensor x = values(kPlain, {3, 4}, dtype).set_requires_grad();
      const Tensor y = ops::norm(x, c.p, {1});
      expect_near(y, c.value, tolerance);
      autograd::backward(ops::sum(y * values(kRowWeights, {3}, dtype)));
      expect_near(x.grad(), c.gradient, tolerance);
    }
}

TEST(Norm, NeitherOverflowsNorVanishes) {
  for (const double p : {1.5, 2.0, 3.0}) {
    const double expected = std::pow(2, 1 / p);
    EXPECT_NEAR(ops::norm(values({1e30, -1e30}, {2}), p).item() / 1e30, expected, 1e-6);
    EXPECT_NEAR(ops::norm(values({1e-30, -1e-30}, {2}), p).item() / 1e-30, expected, 1e-6);
    EXPECT_NEAR(ops::norm(values({1e300, 1e300}, {2}, DType::f64), p).item() / 1e300, expected,
                1e-14);
    EXPECT_EQ(ops::norm(values({1, -kInf}, {2}, DType::f64), p).item(), kInf);
    EXPECT_TRUE(std::isnan(ops::norm(values({1, kQuiet}, {2}, DType::f64), p).item()));
    const Tensor zero = Tensor::zeros({3}).set_requires_grad();
    autograd::backward(ops::norm(zero, p));
    expect_near(zero.grad(), {0, 0, 0}, 0);
  }
}

TEST(AnyAll, NaNIsTrueAndNothingIsFalseForAnyAndTrueForAll) {
  EXPECT_EQ(ops::any(values({0, kQuiet}, {2})).item(), 1);
  EXPECT_EQ(ops::all(values({1, kQuiet}, {2})).item(), 1);
  EXPECT_EQ(ops::any(Tensor::zeros({0})).item(), 0);
  EXPECT_EQ(ops::all(Tensor::zeros({0})).item(), 1);
  const Tensor x = values({0, 0, 1, 0, 2, 3}, {2, 3}, DType::i32);
  EXPECT_EQ(ops::any(x, {1}).to_vector<bool>(), (std::vector<bool>{true, true}));
  EXPECT_EQ(ops::all(x, {0}).to_vector<bool>(), (std::vector<bool>{false, false, true}));
}

}  // namespace
}  // namespace athanor
