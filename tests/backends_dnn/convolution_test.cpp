#include "athanor/autograd/autograd.hpp"
#include "support.hpp"

namespace athanor::testing {
namespace {

struct Case {
  const char* name;
  Shape x, w;
  Dims stride, padding, dilation;
  std::int64_t groups;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"3x3", {2, 16, 9, 7}, {24, 16, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
      {"3x3 stride 2", {3, 8, 11, 10}, {16, 8, 3, 3}, {2, 2}, {1, 1}, {1, 1}, 1},
      {"1x1", {2, 33, 5, 6}, {17, 33, 1, 1}, {1, 1}, {0, 0}, {1, 1}, 1},
      {"1x1 stride 2", {2, 16, 7, 7}, {32, 16, 1, 1}, {2, 2}, {0, 0}, {1, 1}, 1},
      {"7x7 on 3 channels", {1, 3, 21, 19}, {16, 3, 7, 7}, {2, 2}, {3, 3}, {1, 1}, 1},
      {"grey picture", {2, 1, 12, 12}, {32, 1, 3, 3}, {1, 1}, {0, 0}, {1, 1}, 1},
      {"depthwise", {2, 40, 9, 8}, {40, 1, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 40},
      {"depthwise stride 2", {2, 24, 9, 10}, {24, 1, 3, 3}, {2, 2}, {1, 1}, {1, 1}, 24},
      {"depthwise 5x5", {1, 16, 9, 10}, {16, 1, 5, 5}, {1, 1}, {2, 2}, {1, 1}, 16},
      {"groups", {2, 12, 6, 7}, {18, 4, 3, 3}, {1, 2}, {1, 0}, {1, 1}, 3},
      {"dilation", {1, 5, 13, 12}, {7, 5, 3, 3}, {1, 1}, {2, 3}, {2, 3}, 1},
      {"kernel 2x4", {2, 6, 8, 9}, {4, 6, 2, 4}, {3, 2}, {1, 2}, {1, 1}, 1},
  };
  return all;
}

// The definition, one output at a time.
struct Loops {
  std::vector<double> y, dx, dw;
};

Loops loops(const Case& c, const Tensor& x, const Tensor& w, const Tensor& g) {
  const auto vx = x.to_vector<double>(), vw = w.to_vector<double>(), vg = g.to_vector<double>();
  const Shape &xs = c.x, &ws = c.w, &ys = g.shape();
  Loops out{std::vector<double>(vg.size()), std::vector<double>(vx.size()),
            std::vector<double>(vw.size())};
  for (std::int64_t n = 0; n < ys[0]; ++n)
    for (std::int64_t o = 0; o < ys[1]; ++o)
      for (std::int64_t a = 0; a < ys[2]; ++a)
        for (std::int64_t b = 0; b < ys[3]; ++b)
          for (std::int64_t q = 0; q < ws[1]; ++q)
            for (std::int64_t i = 0; i < ws[2]; ++i)
              for (std::int64_t j = 0; j < ws[3]; ++j) {
                const std::int64_t h = a * c.stride[0] - c.padding[0] + i * c.dilation[0];
                const std::int64_t k = b * c.stride[1] - c.padding[1] + j * c.dilation[1];
                if (h < 0 || k < 0 || h >= xs[2] || k >= xs[3]) continue;
                const std::int64_t channel = o / (ys[1] / c.groups) * ws[1] + q;
                const auto at =
                    static_cast<std::size_t>(((n * xs[1] + channel) * xs[2] + h) * xs[3] + k);
                const auto wt = static_cast<std::size_t>(((o * ws[1] + q) * ws[2] + i) * ws[3] + j);
                const auto yt = static_cast<std::size_t>(((n * ys[1] + o) * ys[2] + a) * ys[3] + b);
                out.y[yt] += vx[at] * vw[wt];
                out.dx[at] += vg[yt] * vw[wt];
                out.dw[wt] += vg[yt] * vx[at];
              }
  return out;
}

Shape output_shape(const Case& c) {
  Shape s{c.x[0], c.w[0], 0, 0};
  for (std::size_t i = 0; i < 2; ++i)
    s[i + 2] =
        (c.x[i + 2] + 2 * c.padding[i] - c.dilation[i] * (c.w[i + 2] - 1) - 1) / c.stride[i] + 1;
  return s;
}

void check(const Case& c, const Tensor& x, const Tensor& w, const Tensor& g, double tolerance,
           const std::string& how) {
  const Loops want = loops(c, x, w, g);
  const std::string name = std::string(c.name) + ", " + how;
  const Tensor y = ops::conv2d(x, w, {}, c.stride, c.padding, c.dilation, c.groups);
  expect_near(y, want.y, tolerance, name + ": y");
  // Pictures of one channel are in NHWC memory whatever their strides say.
  const bool nhwc = x.is_channels_last() || x.dim(1) == 1;
  EXPECT_EQ(y.is_channels_last() && !y.is_contiguous(), nhwc && !y.is_contiguous()) << name;
  expect_near(
      ops::conv2d_input_grad(g, w, c.x[2], c.x[3], c.stride, c.padding, c.dilation, c.groups),
      want.dx, tolerance, name + ": dx");
  expect_near(
      ops::conv2d_weight_grad(x, g, {c.w[2], c.w[3]}, c.stride, c.padding, c.dilation, c.groups),
      want.dw, tolerance, name + ": dw");
}

TEST(Convolution, ValuesAndBothGradientsEqualTheDefinitionInEveryMemoryOrder) {
  for (const Case& c : cases()) {
    const Tensor x = wave(c.x, 0.1), w = wave(c.w, 0.2), g = wave(output_shape(c), 0.3);
    check(c, nhwc(x), w, nhwc(g), 2e-5, "NHWC");
    check(c, x, w, g, 2e-5, "NCHW");
    check(c, x, nhwc(w), nhwc(g), 2e-5, "mixed");
    check(c, spread(x), spread(w), spread(g), 2e-5, "strided");
  }
}

TEST(Convolution, Float64EqualsTheDefinitionToRounding) {
  for (const Case& c : cases()) {
    const Tensor x = wave(c.x, 0.1, DType::f64), w = wave(c.w, 0.2, DType::f64),
                 g = wave(output_shape(c), 0.3, DType::f64);
    check(c, x, w, g, 1e-12, "f64");
    check(c, nhwc(x), w, nhwc(g), 1e-12, "f64 NHWC");
  }
}

TEST(Convolution, HalfPrecisionRoundsOnlyInputsAndResult) {
  for (DType dtype : {DType::f16, DType::bf16})
    for (const Case& c : cases()) {
      const Tensor x = wave(c.x, 0.1, dtype), w = wave(c.w, 0.2, dtype),
                   g = wave(output_shape(c), 0.3, dtype);
      // One unit in the last place of the result; sums of a hundred terms lie in f32.
      check(c, nhwc(x), w, nhwc(g), dtype == DType::f16 ? 2e-3 : 1.6e-2,
            std::string(name_of(dtype)));
    }
}

TEST(Convolution, TheBiasIsAddedToEveryPixelOfItsFilter) {
  const Tensor x = nhwc(wave({2, 3, 5, 4}, 0.1)), w = wave({6, 3, 3, 3}, 0.2), b = wave({6}, 0.5);
  const auto with = ops::conv2d(x, w, b).to_vector<double>();
  const auto without = ops::conv2d(x, w).to_vector<double>();
  const auto bias = b.to_vector<double>();
  for (std::size_t i = 0; i < with.size(); ++i)
    EXPECT_NEAR(with[i] - without[i], bias[i / 6 % 6], 1e-5) << i;
}

TEST(Convolution, AnEmptyBatchGivesAnEmptyResultAndAZeroWeightGradient) {
  const Tensor x = Tensor::empty({0, 3, 5, 5}), w = wave({4, 3, 3, 3}, 0.2);
  EXPECT_EQ(ops::conv2d(x, w).shape(), (Shape{0, 4, 3, 3}));
  EXPECT_EQ(ops::conv2d_input_grad(Tensor::empty({0, 4, 3, 3}), w, 5, 5).shape(), x.shape());
  const Tensor dw = ops::conv2d_weight_grad(x, Tensor::empty({0, 4, 3, 3}), {3, 3});
  for (float v : dw.to_vector<float>()) EXPECT_EQ(v, 0);
}

TEST(Convolution, BackwardGivesTheGradientsOfBothArgumentsAndTheBias) {
  const Case c = cases()[1];
  const Tensor x = nhwc(wave(c.x, 0.1)).set_requires_grad(), w = wave(c.w, 0.2).set_requires_grad(),
               b = wave({16}, 0.4).set_requires_grad();
  const Tensor g = wave(output_shape(c), 0.3);
  const Loops want = loops(c, x, w, g);
  autograd::backward(ops::conv2d(x, w, b, c.stride, c.padding, c.dilation, c.groups), g);
  expect_near(x.grad(), want.dx, 2e-5, "dx");
  expect_near(w.grad(), want.dw, 2e-5, "dw");
  std::vector<double> db(16);
  const auto values = g.to_vector<double>();
  const std::size_t plane = static_cast<std::size_t>(g.dim(2) * g.dim(3));
  for (std::size_t i = 0; i < values.size(); ++i) db[i / plane % 16] += values[i];
  expect_near(b.grad(), db, 2e-5, "db");
}

TEST(Convolution, ThreadsDoNotChangeABitInDeterministicMode) {
  for (const Case& base : cases())
    for (std::int64_t batch : {1, 3, 17}) {
      Case c = base;
      c.x[0] = batch;
      const Tensor x = nhwc(wave(c.x, 0.1)), w = wave(c.w, 0.2),
                   g = nhwc(wave(output_shape(c), 0.3));
      expect_thread_independence(
          [&] {
            return TensorList{ops::conv2d(x, w, {}, c.stride, c.padding, c.dilation, c.groups),
                              ops::conv2d_input_grad(g, w, c.x[2], c.x[3], c.stride, c.padding,
                                                     c.dilation, c.groups),
                              ops::conv2d_weight_grad(x, g, {c.w[2], c.w[3]}, c.stride, c.padding,
                                                      c.dilation, c.groups)};
          },
          c.name);
    }
}

TEST(Convolution, AMistakeIsNamedWithBothShapes) {
  try {
    ops::conv2d(Tensor::zeros({8, 3, 32, 32}), Tensor::zeros({16, 4, 3, 3}));
    FAIL();
  } catch (const ShapeError& e) {
    EXPECT_STREQ(e.what(),
                 "conv2d: input has 3 channels, weight expects 4 (x: f32[8,3,32,32], weight: "
                 "f32[16,4,3,3])");
  }
}

}  // namespace
}  // namespace athanor::testing
