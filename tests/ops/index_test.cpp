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

}  // namespace
}  // namespace athanor
