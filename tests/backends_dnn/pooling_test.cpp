#include "athanor/autograd/autograd.hpp"
#include "support.hpp"

namespace athanor::testing {
namespace {

struct Case {
  Shape x;
  Dims kernel, stride, padding;
};

const Case kCases[] = {{{2, 5, 8, 6}, {2, 2}, {2, 2}, {0, 0}},
                       {{1, 70, 9, 7}, {3, 3}, {2, 2}, {1, 1}},
                       {{2, 17, 5, 6}, {3, 2}, {1, 1}, {1, 0}},
                       {{3, 4, 7, 7}, {7, 7}, {7, 7}, {0, 0}},
                       {{1, 64, 12, 5}, {2, 3}, {4, 3}, {0, 1}}};

// For every output the elements of its window, by the definition.
std::vector<std::vector<std::size_t>> windows(const Case& c, Shape& y) {
  y = {c.x[0], c.x[1], (c.x[2] + 2 * c.padding[0] - c.kernel[0]) / c.stride[0] + 1,
       (c.x[3] + 2 * c.padding[1] - c.kernel[1]) / c.stride[1] + 1};
  std::vector<std::vector<std::size_t>> out;
  for (std::int64_t plane = 0; plane < y[0] * y[1]; ++plane)
    for (std::int64_t a = 0; a < y[2]; ++a)
      for (std::int64_t b = 0; b < y[3]; ++b) {
        std::vector<std::size_t> items;
        for (std::int64_t i = 0; i < c.kernel[0]; ++i)
          for (std::int64_t j = 0; j < c.kernel[1]; ++j) {
            const std::int64_t h = a * c.stride[0] - c.padding[0] + i;
            const std::int64_t w = b * c.stride[1] - c.padding[1] + j;
            if (h >= 0 && w >= 0 && h < c.x[2] && w < c.x[3])
              items.push_back(static_cast<std::size_t>((plane * c.x[2] + h) * c.x[3] + w));
          }
        out.push_back(items);
      }
  return out;
}

TEST(Pooling, MaximumAndItsGradientEqualTheDefinition) {
  for (const Case& c : kCases)
    for (DType dtype : {DType::f32, DType::f64, DType::bf16}) {
      Shape shape;
      const auto all = windows(c, shape);
      const Tensor x = wave(c.x, 0.1, dtype), g = wave(shape, 0.3, dtype),
                   v = wave(c.x, 0.7, dtype);
      const auto vx = x.to_vector<double>(), vg = g.to_vector<double>(), vv = v.to_vector<double>();
      std::vector<double> y, dx(vx.size()), gathered;
      for (std::size_t i = 0; i < all.size(); ++i) {
        std::size_t best = all[i][0];
        for (std::size_t at : all[i])
          if (vx[at] > vx[best]) best = at;
        y.push_back(vx[best]);
        gathered.push_back(vv[best]);
        dx[best] += vg[i];
      }
      for (const bool last : {false, true}) {
        const Tensor in = last ? nhwc(x) : x;
        const double exact = dtype == DType::bf16 ? 4e-3 : 1e-6;
        expect_near(ops::max_pool2d(in, c.kernel, c.stride, c.padding), y, 1e-12, "y");
        expect_near(ops::max_pool2d_grad(in, g, c.kernel, c.stride, c.padding), dx, exact, "dx");
        expect_near(ops::max_pool2d_gather(in, v, c.kernel, c.stride, c.padding), gathered, 1e-12,
                    "gather");
      }
      expect_near(ops::max_pool2d(spread(x), c.kernel, c.stride, c.padding), y, 1e-12, "strided");
    }
}

TEST(Pooling, PaddingNeverWinsAndNaNAlwaysDoes) {
  const Tensor low = Tensor::full({1, 1, 2, 2}, -5);
  for (float v : ops::max_pool2d(low, {3, 3}, {1, 1}, {1, 1}).to_vector<float>()) EXPECT_EQ(v, -5);
  const Tensor x = Tensor::from(std::vector<float>{1, NAN, 3, 4}, {1, 1, 2, 2});
  EXPECT_TRUE(std::isnan(ops::max_pool2d(x, {2, 2}, {2, 2}).item()));
  const Tensor dx = ops::max_pool2d_grad(x, Tensor::ones({1, 1, 1, 1}), {2, 2}, {2, 2});
  EXPECT_EQ(dx.to_vector<float>(), (std::vector<float>{0, 1, 0, 0}));
}

TEST(Pooling, OfEqualElementsTheFirstTakesTheGradient) {
  const Tensor x = Tensor::ones({1, 2, 2, 2});
  const Tensor dx = ops::max_pool2d_grad(x, Tensor::full({1, 2, 1, 1}, 3), {2, 2}, {2, 2});
  EXPECT_EQ(dx.to_vector<float>(), (std::vector<float>{3, 0, 0, 0, 3, 0, 0, 0}));
}

TEST(Pooling, MeansAndTheirGradientEqualTheDefinition) {
  for (const Case& c : kCases)
    for (const bool include : {false, true}) {
      Shape shape;
      const auto all = windows(c, shape);
      const Tensor x = wave(c.x, 0.1), g = wave(shape, 0.3);
      const auto vx = x.to_vector<double>(), vg = g.to_vector<double>();
      std::vector<double> y, dx(vx.size());
      for (std::size_t i = 0; i < all.size(); ++i) {
        const double n = include ? static_cast<double>(c.kernel[0] * c.kernel[1])
                                 : static_cast<double>(all[i].size());
        double total = 0;
        for (std::size_t at : all[i]) {
          total += vx[at];
          dx[at] += vg[i] / n;
        }
        y.push_back(total / n);
      }
      for (const bool last : {false, true}) {
        expect_near(ops::avg_pool2d(last ? nhwc(x) : x, c.kernel, c.stride, c.padding, include), y,
                    1e-5, "y");
        expect_near(ops::avg_pool2d_grad(last ? nhwc(g) : g, c.x[2], c.x[3], c.kernel, c.stride,
                                         c.padding, include),
                    dx, 1e-5, "dx");
      }
    }
}

TEST(Pooling, GlobalAndAdaptiveMeansCoverThePicture) {
  const Tensor x = wave({2, 3, 7, 5}, 0.1);
  const auto v = x.to_vector<double>();
  std::vector<double> means;
  for (std::size_t p = 0; p < 6; ++p) {
    double s = 0;
    for (std::size_t i = 0; i < 35; ++i) s += v[p * 35 + i];
    means.push_back(s / 35);
  }
  expect_near(ops::global_avg_pool2d(x), means, 1e-6);
  expect_near(ops::global_avg_pool2d(nhwc(x)), means, 1e-6);
  expect_near(ops::adaptive_avg_pool2d(nhwc(x), {1, 1}), means, 1e-6);
  // Rows [0,3) [2,5) [4,7), columns [0,3) [2,5).
  const std::size_t rows[3][2] = {{0, 3}, {2, 5}, {4, 7}}, columns[2][2] = {{0, 3}, {2, 5}};
  std::vector<double> parts;
  for (std::size_t p = 0; p < 6; ++p)
    for (const auto& r : rows)
      for (const auto& c : columns) {
        double s = 0;
        for (std::size_t i = r[0]; i < r[1]; ++i)
          for (std::size_t j = c[0]; j < c[1]; ++j) s += v[p * 35 + i * 5 + j];
        parts.push_back(s / static_cast<double>((r[1] - r[0]) * (c[1] - c[0])));
      }
  expect_near(ops::adaptive_avg_pool2d(x, {3, 2}), parts, 1e-6);
}

TEST(Pooling, BackwardReachesTheInputThroughEveryPooling) {
  const Tensor x = nhwc(wave({2, 5, 8, 6}, 0.1)).set_requires_grad();
  const Tensor y = ops::max_pool2d(x, {2, 2}, {2, 2});
  const Tensor g = wave(y.shape(), 0.3);
  autograd::backward(y, g);
  expect_near(x.grad(), ops::max_pool2d_grad(x.detach(), g, {2, 2}, {2, 2}).to_vector<double>(),
              1e-7);
  const Tensor z = nhwc(wave({2, 3, 4, 4}, 0.1)).set_requires_grad();
  autograd::backward(ops::global_avg_pool2d(z), Tensor::ones({2, 3, 1, 1}));
  for (float v : z.grad().to_vector<float>()) EXPECT_FLOAT_EQ(v, 1.0f / 16);
}

TEST(Pooling, ThreadsDoNotChangeABit) {
  const Tensor x = nhwc(wave({3, 70, 13, 11}, 0.1));
  const Tensor g = nhwc(wave({3, 70, 7, 6}, 0.3));
  expect_thread_independence(
      [&] {
        return TensorList{ops::max_pool2d(x, {3, 3}, {2, 2}, {1, 1}),
                          ops::max_pool2d_grad(x, g, {3, 3}, {2, 2}, {1, 1}),
                          ops::avg_pool2d(x, {3, 3}, {2, 2}, {1, 1}),
                          ops::avg_pool2d_grad(g, 13, 11, {3, 3}, {2, 2}, {1, 1}),
                          ops::global_avg_pool2d(x)};
      },
      "pooling");
}

}  // namespace
}  // namespace athanor::testing
