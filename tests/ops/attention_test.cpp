#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

// softmax(q k^T scale + bias) v in float64, with other ops.
Tensor composed(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias) {
  const Tensor s = ops::matmul(q, ops::permute(k, {0, 1, 3, 2})) *
                   (1 / std::sqrt(static_cast<double>(q.dim(3))));
  return ops::matmul(ops::softmax(bias.defined() ? s + bias : s), v);
}

// Expected values: PyTorch 1.13, softmax(q @ k.transpose(-2, -1) / 2 ** 0.5, -1) @ v.
TEST(Attention, AgreesWithPyTorch) {
  const Tensor q = values({1, 0, 0.5, -1, 2, 1}, {1, 1, 3, 2});
  const Tensor k = values({0.5, 0.5, -1, 2, 0, 1}, {1, 1, 3, 2});
  const Tensor v = values({1, 10, 2, 20, 3, 30}, {1, 1, 3, 2});
  expect_near(ops::attention(q, k, v),
              {1.85461366, 18.54613686, 1.77033567, 17.70335770, 1.85461354, 18.54613495}, 1e-6);
  expect_near(ops::attention(q, k, v, {}, true),
              {1, 10, 1.16924453, 11.69244576, 1.85461354, 18.54613495}, 1e-6);
}

TEST(Attention, ManyBlocksEqualTheComposedFormula) {
  for (const auto& [queries, keys] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                                      {64, 256},
                                      {65, 257},
                                      {130, 513},
                                      {3, 700},
                                      {200, 7}}) {
    const Tensor q = scattered({2, 3, queries, 17}) * 3.0, k = scattered({2, 3, keys, 17});
    const Tensor v = scattered({2, 3, keys, 9}), bias = scattered({1, 3, queries, keys}) * 2.0;
    const auto wide = [](const Tensor& t) { return ops::cast(t, DType::f64); };
    const Tensor expected = composed(wide(q), wide(k), wide(v), wide(bias));
    const Tensor got = ops::attention(q, k, v, bias);
    EXPECT_LT(ops::amax(ops::abs(wide(got) - expected)).item(), 3e-6) << queries << " x " << keys;
  }
}

TEST(Attention, GradientsOfManyBlocksEqualThoseOfTheComposedFormula) {
  const auto run = [](DType dtype, bool fused) {
    TensorList leaves;
    for (const std::int64_t rows : {100, 300, 300})
      leaves.push_back(ops::cast(scattered({2, 2, rows, 8}), dtype).set_requires_grad());
    const Tensor y = fused ? ops::attention(leaves[0], leaves[1], leaves[2])
                           : composed(leaves[0], leaves[1], leaves[2], {});
    autograd::backward(ops::sum(y * ops::cast(scattered(y.shape()), dtype)));
    return TensorList{leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
  };
  const TensorList got = run(DType::f32, true), expected = run(DType::f64, false);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_LT(ops::amax(ops::abs(ops::cast(got[i], DType::f64) - expected[i])).item(), 2e-5) << i;
}

TEST(Attention, HeadsThatLieBesideEachOtherInMemoryNeedNoCopy) {
  // [B, T, 3, H, D] as a linear layer gives it.
  const Tensor packed = scattered({2, 40, 3, 4, 8});
  const auto part = [&](std::int64_t i) {
    return ops::permute(ops::squeeze(ops::slice(packed, 2, i, i + 1), {2}), {0, 2, 1, 3});
  };
  const Tensor direct = ops::attention(part(0), part(1), part(2), {}, true);
  const Tensor copied = ops::attention(ops::contiguous(part(0)), ops::contiguous(part(1)),
                                       ops::contiguous(part(2)), {}, true);
  EXPECT_LT(ops::amax(ops::abs(direct - copied)).item(), 1e-6);
}

TEST(Attention, AQueryThatSeesNothingGivesZeroAndNoGradient) {
  const Tensor q = scattered({1, 1, 3, 4}).set_requires_grad(), k = scattered({1, 1, 2, 4});
  const Tensor y = ops::attention(q, k, scattered({1, 1, 2, 4}), {}, true);
  autograd::backward(ops::sum(y));
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(y.to_vector<float>()[static_cast<std::size_t>(i)], 0);
    EXPECT_EQ(q.grad().to_vector<float>()[static_cast<std::size_t>(i)], 0);
  }
  EXPECT_TRUE(std::isfinite(ops::sum(ops::abs(q.grad())).item()));
}

TEST(Attention, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor q = scattered({2, 4, 150, 16}), k = scattered({2, 2, 300, 16});
  expect_same_bits([&] { return ops::attention(q, k, k, {}, true, 0, 0.2, 3, 4); });
  const Tensor g = scattered({2, 4, 150, 16});
  for (std::size_t i = 0; i < 3; ++i)
    expect_same_bits([&] {
      const auto found = ops::attention_forward(q, k, k);
      return ops::attention_grad(g, q, k, k, found[0], found[1])[i];
    });
}

}  // namespace
}  // namespace athanor
