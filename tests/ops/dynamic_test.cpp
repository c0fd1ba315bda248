#include "athanor/ops/dynamic.hpp"

#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

TEST(Nonzero, GivesCoordinatesInRowMajorOrder) {
  const Tensor x = values({0, 2, 0, kQuiet, 0, -1}, {2, 3});
  const Tensor y = ops::nonzero(x);
  EXPECT_EQ(y.shape(), (Shape{3, 2}));
  expect_near(y, {0, 1, 1, 0, 1, 2}, 0);
  EXPECT_EQ(ops::nonzero(Tensor::zeros({2, 2})).shape(), (Shape{0, 2}));
  EXPECT_EQ(ops::nonzero(Tensor::scalar(3)).shape(), (Shape{1, 0}));
  // A strided view is read in the order of its elements, not of the memory.
  expect_near(ops::nonzero(ops::permute(x, {1, 0})), {0, 1, 1, 0, 2, 1}, 0);
}

TEST(MaskedSelect, PicksAndSendsTheGradientBack) {
  const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3}).set_requires_grad();
  const Tensor y = ops::masked_select(x, values({1, 0, 1}, {3}, DType::boolean));
  expect_near(y, {1, 3, 4, 6}, 0);
  autograd::backward(ops::sum(ops::mul(y, y)));
  expect_near(x.grad(), {2, 0, 6, 8, 0, 12}, 0);
  EXPECT_NE(error_of<DTypeError>([&] { (void)ops::masked_select(x, x); }).find("masked_select"),
            std::string::npos);
  EXPECT_NE(error_of<ShapeError>([&] {
              (void)ops::masked_select(x, Tensor::zeros({4, 2, 3}, DType::boolean));
            }).find("does not broadcast to x f32[2,3]"),
            std::string::npos);
}

TEST(Unique, SortsAndCounts) {
  const auto u = ops::unique(values({3, 1, 3, kQuiet, -2, kQuiet, 1, 3}, {2, 4}));
  expect_near(u.values, {-2, 1, 3, kQuiet}, 0);
  expect_near(u.first, {4, 1, 0, 3}, 0);
  expect_near(u.counts, {1, 2, 3, 2}, 0);
  EXPECT_EQ(u.inverse.shape(), (Shape{2, 4}));
  expect_near(u.inverse, {2, 1, 2, 3, 0, 3, 1, 2}, 0);
  // Neighbours that a double cannot tell apart.
  const std::int64_t big = (std::int64_t{1} << 60) + 1;
  EXPECT_EQ(ops::unique(Tensor::from(std::vector<std::int64_t>{big, big - 1}, {2})).values.count(),
            2);
  EXPECT_EQ(ops::unique(Tensor::zeros({0})).values.count(), 0);
}

TEST(Nms, KeepsTheBestOfBoxesThatOverlap) {
  const Tensor boxes = values({0, 0, 10, 10, 1, 1, 11, 11, 20, 20, 30, 30, 0, 0, 10, 9}, {4, 4});
  const Tensor scores = values({0.8, 0.9, 0.3, 0.7}, {4});
  // IoU of the first two: 81 / 119 = 0.681; of the second and the fourth: 72 / 118 = 0.610.
  expect_near(ops::nms(boxes, scores, 0.5), {1, 2}, 0);
  expect_near(ops::nms(boxes, scores, 0.65), {1, 3, 2}, 0);
  expect_near(ops::nms(boxes, scores, 0.5, values({0, 1, 0, 0}, {4}, DType::i64)), {1, 0, 2}, 0);
  EXPECT_EQ(ops::nms(Tensor::zeros({0, 4}), Tensor::zeros({0}), 0.5).count(), 0);
  EXPECT_NE(error_of<ValueError>([&] {
              (void)ops::nms(boxes, scores, 1.5);
            }).find("iou_threshold is 1.5, it must be in [0, 1]"),
            std::string::npos);
  EXPECT_NE(error_of<ShapeError>([&] {
              (void)ops::nms(scores, scores, 0.5);
            }).find("boxes must be [N, 4]"),
            std::string::npos);
}

}  // namespace
}  // namespace athanor
