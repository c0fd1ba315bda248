#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

std::vector<double> counted(std::int64_t n) {
  std::vector<double> v;
  for (std::int64_t i = 0; i < n; ++i) v.push_back(static_cast<double>(i));
  return v;
}

TEST(Reshape, OfATransposedTensorCopiesAndOfASplitAxisDoesNot) {
  const Tensor x = values(counted(24), {2, 3, 4});
  const Tensor t = ops::permute(x, {0, 2, 1});
  const Tensor copy = ops::reshape(t, {2, 12});
  EXPECT_NE(copy.storage().get(), x.storage().get());
  EXPECT_EQ(copy.to_vector<float>()[1], 4);
  const Tensor view = ops::reshape(t, {2, 2, 2, 3});
  EXPECT_EQ(view.storage().get(), x.storage().get());
  expect_near(view, t.to_vector<double>(), 0);
}

TEST(Reshape, ViewsOfEveryOrderHaveTheElementsInRowMajorOrder) {
  const Tensor x = values(counted(120), {2, 3, 4, 5});
  for (const Dims& order :
       {Dims{0, 1, 2, 3}, Dims{3, 2, 1, 0}, Dims{0, 2, 3, 1}, Dims{1, 0, 2, 3}, Dims{2, 3, 0, 1}})
    for (const Shape& shape : {Shape{120}, Shape{6, 20}, Shape{2, 60}, Shape{24, 5}, Shape{4, 5, 6},
                               Shape{1, 120, 1}, Shape{5, 4, 3, 2}}) {
      const Tensor p = ops::permute(x, order);
      const Tensor y = ops::reshape(p, shape);
      EXPECT_EQ(y.shape(), shape);
      expect_near(y, p.to_vector<double>(), 0);
    }
}

TEST(Reshape, KeepsInfersAndRefusesAsDocumented) {
  const Tensor x = Tensor::zeros({4, 6});
  EXPECT_EQ(ops::reshape(x, {0, 2, -1}).shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(ops::reshape(Tensor::zeros({0, 3}), {3, 0}).shape(), (Shape{3, 0}));
  EXPECT_EQ(ops::reshape(Tensor::zeros({0, 3}), {0, 3, 1}).shape(), (Shape{0, 3, 1}));
  EXPECT_NE(error_of<ShapeError>([&] {
              ops::reshape(x, {5, -1});
            }).find("reshape: [4,6] does not fit the shape [5,-1]"),
            std::string::npos);
}

TEST(Reshape, OfASymbolicBatchKeepsTheBatch) {
  const OpDef& op = *registry().find("reshape");
  const auto shape_of = [&](const Shape& x, const Dims& shape) {
    const TensorMeta meta{x, DType::f32};
    return infer(op, {&meta, 1}, op.attrs({{"shape", shape}}))[0].shape;
  };
  EXPECT_EQ(shape_of({kDynamic, 3, 4}, {0, -1}), (Shape{kDynamic, 12}));
  EXPECT_EQ(shape_of({kDynamic, 3, 4}, {-1, 4}), (Shape{kDynamic, 4}));
  EXPECT_EQ(shape_of({kDynamic, 3, 4}, {0, 12}), (Shape{kDynamic, 12}));
  EXPECT_THROW(shape_of({kDynamic, 3, 4}, {12, -1}), ShapeError);
  EXPECT_THROW(shape_of({kDynamic, 3, 4}, {0, 11}), ShapeError);
}

TEST(Slice, FollowsPython) {
  const Tensor x = values(counted(10), {10});
  expect_near(ops::slice(x, 0, 2, 9, 3), {2, 5, 8}, 0);
  expect_near(ops::slice(x, 0, -3, 100), {7, 8, 9}, 0);
  EXPECT_EQ(ops::slice(x, 0, 5, 5).count(), 0);
  EXPECT_EQ(ops::slice(x, 0, -100, -99).count(), 0);
  expect_near(ops::slice(x, 0, -100, 2), {0, 1}, 0);
}

TEST(Slice, GradientLandsOnTheElementsThatWereTaken) {
  for (std::int64_t start : {0, 1, 3})
    for (std::int64_t end : {4, 7, 10})
      for (std::int64_t step : {1, 2, 3, 4}) {
        const Tensor x = values(counted(20), {2, 10}).set_requires_grad();
        autograd::backward(ops::sum(ops::slice(x, 1, start, end, step)));
        std::vector<double> expected(20, 0);
        for (std::int64_t i = start; i < end; i += step)
          expected[static_cast<std::size_t>(i)] = expected[static_cast<std::size_t>(10 + i)] = 1;
        expect_near(x.grad(), expected, 0);
      }
}

TEST(Flip, ReversesTheAxesAndPadPutsAFrameAround) {
  const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3});
  expect_near(ops::flip(x, {1}), {3, 2, 1, 6, 5, 4}, 0);
  expect_near(ops::flip(x, {0, 1}), {6, 5, 4, 3, 2, 1}, 0);
  expect_near(ops::pad(x, {1, 0}, {0, 1}, 9), {9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9}, 0);
  const Tensor image = ops::channels_last(scattered({2, 3, 4, 5}));
  EXPECT_TRUE(ops::pad(image, {0, 0, 1, 1}, {0, 0, 1, 1}).is_channels_last());
  EXPECT_TRUE(ops::flip(image, {3}).is_channels_last());
  expect_near(ops::flip(ops::flip(image, {2, 3}), {2, 3}), image.to_vector<double>(), 0);
}

TEST(Concat, PutsTheInputsInOrderAndSplitsTheGradient) {
  const Tensor a = values({1, 2, 3, 4}, {2, 2}).set_requires_grad();
  const Tensor b = values({5, 6}, {2, 1}).set_requires_grad();
  const std::vector<Tensor> both{a, b};
  const Tensor y = ops::concat(both, 1);
  expect_near(y, {1, 2, 5, 3, 4, 6}, 0);
  autograd::backward(ops::sum(y * values({1, 2, 3, 4, 5, 6}, {2, 3})));
  expect_near(a.grad(), {1, 2, 4, 5}, 0);
  expect_near(b.grad(), {3, 6}, 0);
}

// Values and gradients from PyTorch 1.13 (torch.nn.functional.pad) in float64.
TEST(Pad, ModesAndTheirGradientsAreThoseOfPyTorch) {
  struct Case {
    const char* mode;
    Dims before, after;
    std::vector<double> value, gradient;
  };
  const Case cases[] = {
      {"reflect", {0, 2}, {0, 1}, {3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5}, {3, 12, 6, 9, 30, 18}},
      {"replicate",
       {1, 1},
       {0, 2},
       {1, 1, 2, 3, 3, 3, 1, 1, 2, 3, 3, 3, 4, 4, 5, 6, 6, 6},
       {18, 12, 48, 27, 15, 51}},
      {"circular",
       {1, 1},
       {1, 2},
       {6, 4, 5, 6, 4, 5, 3, 1, 2, 3, 1, 2, 6, 4, 5, 6, 4, 5, 3, 1, 2, 3, 1, 2},
       {62, 66, 58, 38, 42, 34}}};
  for (const Case& c : cases)
    for (DType dtype : {DType::f64, DType::bf16}) {
      SCOPED_TRACE(c.mode);
      const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3}, dtype).set_requires_grad();
      const Tensor y = ops::pad(x, c.before, c.after, 0, c.mode);
      expect_near(y, c.value, 0);
      std::vector<double> weights = counted(y.count());
      for (double& w : weights) ++w;
      autograd::backward(ops::sum(y * values(weights, y.shape(), dtype)));
      expect_near(x.grad(), c.gradient, 0);
    }
  // Corners are mirrored along both axes; the memory order stays.
  expect_near(ops::pad(values({1, 2, 3, 4, 5, 6}, {2, 3}), {1, 1}, {1, 1}, 0, "reflect"),
              {5, 4, 5, 6, 5, 2, 1, 2, 3, 2, 5, 4, 5, 6, 5, 2, 1, 2, 3, 2}, 0);
  const Tensor image = ops::channels_last(scattered({2, 3, 4, 5}));
  EXPECT_TRUE(ops::pad(image, {0, 0, 1, 1}, {0, 0, 1, 1}, 0, "circular").is_channels_last());
}

TEST(Pad, GradientOfAFrameHasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = scattered({64, 300}), g = scattered({120, 400});
  expect_same_bits([&] {
    const Tensor leaf = x.detach().set_requires_grad();
    autograd::backward(ops::sum(ops::pad(leaf, {30, 60}, {26, 40}, 0, "reflect") * g));
    return leaf.grad();
  });
}

// Values from NumPy 1.24: roll, rot90, tile, tril, triu.
TEST(Roll, TurnsAsNumPyDoes) {
  const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3});
  expect_near(ops::roll(x, {1, -1}, {0, 1}), {5, 6, 4, 2, 3, 1}, 0);
  expect_near(ops::roll(x, {4}), {3, 4, 5, 6, 1, 2}, 0);
  expect_near(ops::roll(x, {-300'000'000'000'000'001}, {1}), {2, 3, 1, 5, 6, 4}, 0);
  expect_near(ops::rot90(x), {3, 6, 2, 5, 1, 4}, 0);
  expect_near(ops::rot90(x, -1), {4, 1, 5, 2, 6, 3}, 0);
}

TEST(Tile, RepeatsAsNumPyDoesAndSumsItsGradient) {
  const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3}).set_requires_grad();
  const Tensor y = ops::tile(x, {2, 1, 2});
  EXPECT_EQ(y.shape(), (Shape{2, 2, 6}));
  expect_near(y, {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}, 0);
  autograd::backward(ops::sum(y));
  expect_near(x.grad(), {4, 4, 4, 4, 4, 4}, 0);
}

TEST(Triangles, KeepTheirSideOfTheDiagonal) {
  const Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 3});
  expect_near(ops::tril(x), {1, 0, 0, 4, 5, 0}, 0);
  expect_near(ops::tril(x, 1), {1, 2, 0, 4, 5, 6}, 0);
  expect_near(ops::triu(x), {1, 2, 3, 0, 5, 6}, 0);
  expect_near(ops::triu(x, -1), {1, 2, 3, 4, 5, 6}, 0);
  // What is cut off does not count, not even NaN.
  expect_near(ops::tril(values({1, kQuiet, 3, 4}, {2, 2})), {1, 0, 3, 4}, 0);
}

TEST(Split, GivesViewsAndJoinsTheirGradients) {
  const Tensor x = values(counted(10), {2, 5}).set_requires_grad();
  const TensorList parts = ops::split(x, {2, 3}, 0, 1);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].storage().get(), x.storage().get());
  expect_near(parts[0], {0, 1, 5, 6}, 0);
  expect_near(parts[1], {2, 3, 4, 7, 8, 9}, 0);
  autograd::backward(ops::sum(parts[1] * 2.0));  // the first part has no gradient
  expect_near(x.grad(), {0, 0, 2, 2, 2, 0, 0, 2, 2, 2}, 0);
  EXPECT_EQ(ops::split(x, {}, 5, 1).size(), 5u);
}

TEST(Stack, PutsTheInputsAlongANewAxis) {
  const std::vector<Tensor> both{values({1, 2}, {2}), values({3, 4}, {2})};
  expect_near(ops::stack(both), {1, 2, 3, 4}, 0);
  expect_near(ops::stack(both, -1), {1, 3, 2, 4}, 0);
  EXPECT_EQ(ops::stack(both, 1).shape(), (Shape{2, 2}));
}

TEST(Squeeze, AndUnsqueezeUndoEachOther) {
  const Tensor x = Tensor::zeros({2, 3});
  EXPECT_EQ(ops::unsqueeze(x, {0, 2, -1}).shape(), (Shape{1, 2, 1, 3, 1}));
  EXPECT_EQ(ops::squeeze(ops::unsqueeze(x, {0, 2, -1}), {}).shape(), (Shape{2, 3}));
  EXPECT_TRUE(ops::unsqueeze(x, {1}).is_contiguous());
}

}  // namespace
}  // namespace athanor
