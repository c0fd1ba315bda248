#include <algorithm>

#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

Tensor indices(const std::vector<double>& v, const Shape& shape) {
  return values(v, shape, DType::i64);
}

TEST(Gather, PicksAlongTheAxis) {
  const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3});
  expect_near(ops::gather(x, indices({2, 0, -1, 1}, {2, 2}), 1), {3, 1, 6, 5}, 0);
  expect_near(ops::gather(x, indices({1, 0, 1}, {1, 3}), 0), {4, 2, 6}, 0);
}

TEST(Gather, SaysWhichIndexIsOutside) {
  const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_NE(error_of<IndexError>([&] {
              ops::gather(x, indices({0, 0, 0, 3}, {2, 2}), 1);
            }).find("gather: index 3 at [1,1] is outside [-3, 3)"),
            std::string::npos);
  EXPECT_NE(error_of<DTypeError>([&] {
              ops::gather(x, Tensor::zeros({2, 2}), 1);
            }).find("input 'index' is f32[2,2]; it takes u8, i8, i32, i64"),
            std::string::npos);
}

TEST(ScatterAdd, AddsRepeatedPlacesInOrder) {
  const Tensor x = Tensor::zeros({3});
  expect_near(ops::scatter_add(x, indices({0, 2, 0, -1}, {4}), values({1, 2, 4, 8}, {4}), 0),
              {5, 0, 10}, 0);
  EXPECT_EQ(ops::sum(x).item(), 0);  // the input is left alone
}

TEST(ScatterAdd, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor source = scattered({3000, 40});
  std::vector<double> rows, places;
  for (int i = 0; i < 3000; ++i) rows.push_back(i * i % 17);
  for (int i = 0; i < 3000; ++i)
    for (int j = 0; j < 40; ++j) places.push_back(i * i % 17);
  const Tensor by_row = indices(rows, {3000}), each = indices(places, {3000, 40});
  const Tensor zero = Tensor::zeros({17, 40});
  expect_same_bits([&] { return ops::scatter_add(zero, each, source, 0); });
  expect_same_bits([&] { return ops::index_add(zero, by_row, source, 0); });
  EXPECT_EQ(ops::scatter_add(zero, each, source, 0).to_bytes(),
            ops::index_add(zero, by_row, source, 0).to_bytes());
}

TEST(IndexSelect, IsAnEmbeddingForIndicesOfAnyRank) {
  const Tensor table = values({0, 1, 10, 11, 20, 21}, {3, 2}).set_requires_grad();
  const Tensor y = ops::index_select(table, indices({2, 0, 2, -1}, {2, 2}));
  EXPECT_EQ(y.shape(), (Shape{2, 2, 2}));
  expect_near(y, {20, 21, 0, 1, 20, 21, 20, 21}, 0);
  autograd::backward(ops::sum(y));
  expect_near(table.grad(), {1, 1, 0, 0, 3, 3}, 0);
}

TEST(OneHot, HasOneOne) {
  expect_near(ops::one_hot(indices({1, -1}, {2}), 3), {0, 1, 0, 0, 0, 1}, 0);
  EXPECT_NE(error_of<IndexError>([&] {
              ops::one_hot(indices({3}, {1}), 3);
            }).find("one_hot: index 3 at [0] is outside [-3, 3)"),
            std::string::npos);
}

TEST(TopK, OrdersByValueThenByPlaceWithNaNFirst) {
  const auto found = ops::topk(values({1, 7, kQuiet, 7, 3}, {5}), 4);
  expect_near(found[0], {kQuiet, 7, 7, 3}, 0);
  expect_near(found[1], {2, 1, 3, 4}, 0);
  const Tensor x = values({1, 2, 6, 5, 3, 4}, {3, 2}).set_requires_grad();
  const auto columns = ops::topk(x, 2, 0);
  expect_near(columns[0], {6, 5, 3, 4}, 0);
  autograd::backward(ops::sum(columns[0] * values({1, 2, 3, 4}, {2, 2})));
  expect_near(x.grad(), {0, 0, 1, 2, 3, 4}, 0);
}

TEST(TopK, RefusesMoreThanThereAre) {
  EXPECT_NE(error_of<ValueError>([] {
              ops::topk(Tensor::zeros({2, 3}), 4);
            }).find("topk: k is 4; axis 1 of f32[2,3] has 3 elements"),
            std::string::npos);
}

TEST(Scatter, OfElementsThatMeetTheLastStaysAndHasTheGradient) {
  const Tensor x = values({9, 9, 9}, {3}).set_requires_grad();
  const Tensor source = values({1, 2, 4, 8}, {4}).set_requires_grad();
  const Tensor y = ops::scatter(x, indices({0, 2, 0, -1}, {4}), source, 0);
  expect_near(y, {4, 9, 8}, 0);
  autograd::backward(ops::sum(y * values({1, 10, 100}, {3})));
  expect_near(x.grad(), {0, 10, 0}, 0);
  expect_near(source.grad(), {0, 0, 1, 100}, 0);
}

TEST(Scatter, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor source = scattered({3000, 40}), zero = Tensor::zeros({17, 40});
  std::vector<double> places;
  for (int i = 0; i < 3000; ++i)
    for (int j = 0; j < 40; ++j) places.push_back((i * i + j) % 17);
  const Tensor each = indices(places, {3000, 40});
  expect_same_bits([&] { return ops::scatter(zero, each, source, 0); });
  expect_same_bits([&] { return ops::scatter_max(zero, each, source, 0); });
}

TEST(ScatterMax, TiesShareTheGradientAndNaNStays) {
  const Tensor x = values({5, 1, 7, 0}, {4}).set_requires_grad();
  const Tensor source = values({5, 3, 3, 6, 2}, {5}).set_requires_grad();
  const Tensor y = ops::scatter_max(x, indices({0, 1, 1, 2, 1}, {5}), source, 0);
  expect_near(y, {5, 3, 7, 0}, 0);
  autograd::backward(ops::sum(y * values({1, 10, 100, 1000}, {4})));
  expect_near(x.grad(), {0.5, 0, 100, 1000}, 0);
  expect_near(source.grad(), {0.5, 5, 5, 0, 0}, 0);
  expect_near(ops::scatter_max(values({1, kQuiet}, {2}), indices({0, 0, 1}, {3}),
                               values({kQuiet, 2, 3}, {3}), 0),
              {kQuiet, kQuiet}, 0);
}

// Values from NumPy 1.24 (kind "stable") and PyTorch 1.13 (stable, descending).
TEST(Sort, IsStableAndPutsNaNLast) {
  const Tensor x = values({2, kQuiet, 1, -kInf, kQuiet, kInf}, {6});
  expect_near(ops::argsort(x), {3, 2, 0, 5, 1, 4}, 0);
  const auto ascending = ops::sort(x);
  expect_near(ascending[0], {-kInf, 1, 2, kInf, kQuiet, kQuiet}, 0);
  expect_near(ops::argsort(x, -1, true), {1, 4, 5, 0, 2, 3}, 0);
  const Tensor t = values({3, 1, 2, 1, 0, 5, 5, -1}, {2, 4}).set_requires_grad();
  const auto up = ops::sort(t, 1), down = ops::sort(t, 1, true);
  expect_near(up[1], {1, 3, 2, 0, 3, 0, 1, 2}, 0);
  expect_near(down[1], {0, 2, 1, 3, 1, 2, 0, 3}, 0);
  autograd::backward(ops::sum(up[0] * values({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4})));
  expect_near(t.grad(), {4, 1, 3, 2, 6, 7, 8, 5}, 0);
}

TEST(Sort, OfALongLineIsThatOfTheStandardLibraryForAnyNumberOfThreads) {
  // Many equal values, so that a lost order among them would show; no multiple of the parts.
  const std::int64_t n = 150'001;
  std::vector<double> v;
  for (std::int64_t i = 0; i < n; ++i) v.push_back(static_cast<double>(i * 7919 % 1013));
  std::vector<std::int64_t> expected(v.size());
  for (std::int64_t i = 0; i < n; ++i) expected[static_cast<std::size_t>(i)] = i;
  const auto value = [&](std::int64_t i) { return v[static_cast<std::size_t>(i)]; };
  for (const bool descending : {false, true}) {
    std::vector<std::int64_t> order = expected;
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return descending ? value(a) > value(b) : value(a) < value(b);
    });
    for (DType dtype : {DType::f32, DType::i32}) {
      const Tensor x = values(v, {n}, dtype);
      EXPECT_EQ(ops::argsort(x, 0, descending).to_vector<std::int64_t>(), order);
      expect_same_bits([&] { return ops::argsort(x, 0, descending); });
    }
  }
}

// From PyTorch 1.13: torch.nn.Embedding(4, 2, padding_idx=1).
TEST(Embedding, ThePaddingRowHasNoGradient) {
  const Tensor weight = scattered({4, 2}).set_requires_grad();
  for (const double padding : {1.0, -3.0}) {
    weight.set_grad(Tensor());
    const Tensor y = ops::embedding(weight, indices({0, padding, padding, 3}, {2, 2}), 1);
    EXPECT_EQ(y.shape(), (Shape{2, 2, 2}));
    autograd::backward(ops::sum(y * values({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2})));
    expect_near(weight.grad(), {1, 2, 0, 0, 0, 0, 7, 8}, 0);
  }
}

// From PyTorch 1.13: y[i, j] and its gradient.
TEST(Index, BroadcastsItsIndicesAndAddsGradientsThatMeet) {
  std::vector<double> v;
  for (int i = 0; i < 12; ++i) v.push_back(i);
  const Tensor x = values(v, {3, 4}).set_requires_grad();
  const std::vector<Tensor> both{indices({0, 2, 0, -1}, {2, 2}), indices({1, -1}, {2})};
  const Tensor y = ops::index(x, both);
  expect_near(y, {1, 11, 1, 11}, 0);
  autograd::backward(ops::sum(y * values({1, 2, 4, 8}, {2, 2})));
  expect_near(x.grad(), {0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10}, 0);
  const std::vector<Tensor> rows{indices({2, 0}, {2})};
  expect_near(ops::index(x, rows), {8, 9, 10, 11, 0, 1, 2, 3}, 0);
  const std::vector<Tensor> outside{indices({0, 1}, {2, 1}), indices({0, 4}, {2})};
  EXPECT_NE(error_of<IndexError>([&] {
              ops::index(x, outside);
            }).find("index: index 4 at [1] is outside [-4, 4)"),
            std::string::npos);
}

}  // namespace
}  // namespace athanor
