#include "athanor/autograd/autograd.hpp"
#include "support.hpp"

namespace athanor::testing {
namespace {

std::vector<double> product(const Tensor& a, const Tensor& b) {
  const std::int64_t m = a.dim(0), k = a.dim(1), n = b.dim(1);
  const auto va = a.to_vector<double>(), vb = b.to_vector<double>();
  std::vector<double> y(static_cast<std::size_t>(m * n));
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t q = 0; q < k; ++q)
        y[static_cast<std::size_t>(i * n + j)] +=
            va[static_cast<std::size_t>(i * k + q)] * vb[static_cast<std::size_t>(q * n + j)];
  return y;
}

Tensor turned(const Tensor& t) { return ops::permute(t, {1, 0}); }

TEST(Product, EqualsTheSumOfProductsForEverySizeAndOrientation) {
  const std::int64_t sizes[][3] = {{1, 1, 1},   {4, 4, 4},     {1, 300, 70}, {70, 300, 1},
                                   {33, 17, 5}, {130, 65, 97}, {9, 1, 9}};
  for (const auto& [m, k, n] : sizes)
    for (DType dtype : {DType::f32, DType::f64}) {
      const double tolerance = dtype == DType::f32 ? 2e-5 : 1e-12;
      const Tensor a = wave({m, k}, 0.1, dtype), b = wave({k, n}, 0.2, dtype);
      const auto want = product(a, b);
      const std::string name = describe(a) + " x " + describe(b);
      expect_near(ops::matmul(a, b), want, tolerance, name);
      expect_near(ops::matmul(turned(ops::contiguous(turned(a))), b), want, tolerance,
                  name + " aT");
      expect_near(ops::matmul(a, turned(ops::contiguous(turned(b)))), want, tolerance,
                  name + " bT");
      expect_near(ops::matmul(spread(a), spread(b)), want, tolerance, name + " strided");
    }
}

TEST(Product, BatchesBroadcastAndEqualTheirSingleProducts) {
  const Tensor a = wave({3, 1, 5, 4}, 0.1), b = wave({2, 4, 6}, 0.2);
  const Tensor y = ops::matmul(a, b);
  ASSERT_EQ(y.shape(), (Shape{3, 2, 5, 6}));
  const auto values = y.to_vector<double>();
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 2; ++j) {
      const Tensor single_a = a.view_as({5, 4}, {4, 1}, i * 20);
      const Tensor single_b = b.view_as({4, 6}, {6, 1}, j * 24);
      const auto want = product(single_a, single_b);
      for (std::size_t q = 0; q < 30; ++q)
        EXPECT_NEAR(values[static_cast<std::size_t>((i * 2 + j) * 30) + q], want[q], 1e-5);
    }
}

TEST(Product, VectorsCountAsRowAndColumn) {
  const Tensor v = Tensor::from(std::vector<float>{1, 2, 3}, {3});
  const Tensor m = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2});
  EXPECT_EQ(ops::matmul(v, v).item(), 14);
  EXPECT_EQ(ops::matmul(v, m).to_vector<float>(), (std::vector<float>{22, 28}));
  EXPECT_EQ(ops::matmul(turned(m), v).to_vector<float>(), (std::vector<float>{22, 28}));
}

TEST(Product, IntegersAreExactAndWrapAround) {
  const Tensor a = Tensor::from(std::vector<std::int64_t>{1LL << 40, 3, -5, 7}, {2, 2});
  const Tensor b = Tensor::from(std::vector<std::int64_t>{1, 2, 3, 4}, {2, 2});
  EXPECT_EQ(ops::matmul(a, b).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{(1LL << 40) + 9, (1LL << 41) + 12, 16, 18}));
  const Tensor big = Tensor::from(std::vector<std::int32_t>{1 << 30, 1 << 30}, {1, 2});
  const Tensor two = Tensor::from(std::vector<std::int32_t>{2, 2}, {2, 1});
  EXPECT_EQ(ops::matmul(big, two).to_vector<std::int32_t>(), std::vector<std::int32_t>{0});
}

TEST(Product, HalfPrecisionSumsInFloat) {
  for (DType dtype : {DType::f16, DType::bf16}) {
    const Tensor a = wave({37, 65}, 0.1, dtype), b = wave({65, 40}, 0.2, dtype);
    expect_near(ops::matmul(a, b), product(a, b), dtype == DType::f16 ? 1e-3 : 8e-3,
                std::string(name_of(dtype)));
  }
}

TEST(Product, ASumOverNothingIsZero) {
  const Tensor y = ops::matmul(Tensor::empty({2, 0}), Tensor::empty({0, 3}));
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(6, 0.0f));
  EXPECT_EQ(ops::matmul(Tensor::empty({0, 4}), Tensor::empty({4, 3})).shape(), (Shape{0, 3}));
}

TEST(Product, LinearIsTheProductWithTheTurnedWeightPlusBias) {
  const Tensor x = wave({2, 3, 40}, 0.1), w = wave({50, 40}, 0.2), b = wave({50}, 0.3);
  auto want = product(x.view_as({6, 40}, {40, 1}, 0), turned(w));
  const auto bias = b.to_vector<double>();
  for (std::size_t i = 0; i < want.size(); ++i) want[i] += bias[i % 50];
  const Tensor y = ops::linear(x, w, b);
  EXPECT_EQ(y.shape(), (Shape{2, 3, 50}));
  expect_near(y, want, 1e-5);
  expect_near(ops::linear(spread(x), spread(w), b), want, 1e-5, "strided");
}

TEST(Product, GradientsOfLinearAreTheProductsOfTheChainRule) {
  const Tensor x = wave({7, 5}, 0.1).set_requires_grad(), w = wave({3, 5}, 0.2).set_requires_grad(),
               b = wave({3}, 0.3).set_requires_grad(), g = wave({7, 3}, 0.4);
  autograd::backward(ops::linear(x, w, b), g);
  expect_near(x.grad(), product(g, w.detach()), 1e-5, "dx");
  expect_near(w.grad(), product(turned(g), x.detach()), 1e-5, "dw");
  expect_near(b.grad(), product(Tensor::ones({1, 7}), g), 1e-5, "db");
}

TEST(Product, ThreadsDoNotChangeABitInDeterministicMode) {
  const std::int64_t sizes[][3] = {{3, 5000, 4}, {200, 300, 100}, {129, 64, 300}, {1, 2000, 700}};
  for (const auto& [m, k, n] : sizes) {
    const Tensor a = wave({m, k}, 0.1), b = wave({k, n}, 0.2), batch = wave({5, m, k}, 0.4),
                 bias = wave({n}, 0.3);
    expect_thread_independence(
        [&] {
          return TensorList{ops::matmul(a, b), ops::matmul(batch, b),
                            ops::matmul(ops::permute(batch, {0, 2, 1}), a),
                            ops::linear(a, turned(b), bias)};
        },
        describe(a));
  }
}

}  // namespace
}  // namespace athanor::testing
