#include "athanor/autograd/autograd.hpp"
#include "support.hpp"

namespace athanor::testing {
namespace {

struct Expected {
  std::vector<double> y, mean, variance, dx, dweight, dbias;
};

double activate(double v, const std::string& activation) {
  if (activation == "none") return v;
  v = std::max(v, 0.0);
  return activation == "relu6" ? std::min(v, 6.0) : v;
}

bool passes(double v, const std::string& activation) {
  return activation == "none" || (v > 0 && (activation == "relu" || v < 6));
}

// The formulas of Ioffe and Szegedy (2015), algorithm 1 and its gradient, in float64.
Expected formulas(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& grad,
                  double epsilon, const std::string& activation) {
  const auto vx = x.to_vector<double>(), w = weight.to_vector<double>(),
             b = bias.to_vector<double>(), g0 = grad.to_vector<double>();
  const auto channels = static_cast<std::size_t>(x.dim(1));
  const std::size_t plane = vx.size() / static_cast<std::size_t>(x.dim(0)) / channels;
  const double n = static_cast<double>(vx.size() / channels);
  Expected e;
  e.y.resize(vx.size());
  e.dx.resize(vx.size());
  for (auto* v : {&e.mean, &e.variance, &e.dweight, &e.dbias}) v->resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < vx.size(); ++i)
      if (i / plane % channels == c) at.push_back(i);
    for (std::size_t i : at) e.mean[c] += vx[i] / n;
    for (std::size_t i : at) e.variance[c] += (vx[i] - e.mean[c]) * (vx[i] - e.mean[c]) / n;
    const double inverse = 1 / std::sqrt(e.variance[c] + epsilon);
    std::vector<double> g;
    for (std::size_t i : at) {
      const double normal = (vx[i] - e.mean[c]) * inverse, v = normal * w[c] + b[c];
      e.y[i] = activate(v, activation);
      g.push_back(passes(v, activation) ? g0[i] : 0);
      e.dbias[c] += g.back();
      e.dweight[c] += g.back() * normal;
    }
    for (std::size_t k = 0; k < at.size(); ++k)
      e.dx[at[k]] = w[c] * inverse *
                    (g[k] - e.dbias[c] / n - (vx[at[k]] - e.mean[c]) * inverse * e.dweight[c] / n);
  }
  return e;
}

void check(const Tensor& x, const Tensor& grad, double tolerance, const std::string& activation,
           double scale, const std::string& how) {
  const std::int64_t c = x.dim(1);
  const DType s = x.dtype() == DType::f64 ? DType::f64 : DType::f32;
  const Tensor weight = Tensor::full({c}, scale, s), bias = wave({c}, 0.4, s);
  const Expected want = formulas(x, weight, bias, grad, 1e-5, activation);
  const std::string name = describe(x) + " " + activation + " " + how;
  const auto [y, mean, variance] = ops::batch_norm_train(x, weight, bias, 1e-5, activation);
  expect_near(y, want.y, tolerance, name + " y");
  expect_near(mean, want.mean, 1e-5, name + " mean");
  expect_near(variance, want.variance, 1e-5, name + " variance");
  EXPECT_EQ(y.is_channels_last(), x.is_channels_last()) << name;
  const auto [dx, dweight, dbias] =
      ops::batch_norm_train_grad(x, grad, weight, bias, mean, variance, 1e-5, activation);
  expect_near(dx, want.dx, 3 * tolerance, name + " dx");
  expect_near(dweight, want.dweight, 10 * tolerance, name + " dweight");
  expect_near(dbias, want.dbias, 10 * tolerance, name + " dbias");
  const Tensor again = ops::batch_norm_inference(x, weight, bias, mean, variance, 1e-5, activation);
  expect_near(again, want.y, tolerance, name + " inference");
}

TEST(Normalisation, TrainingInferenceAndGradientEqualTheFormulasInEveryMemoryOrder) {
  const Shape shapes[] = {
      {3, 16, 5, 7}, {2, 3, 9, 9}, {1, 33, 4, 4}, {5, 130, 3, 3}, {16, 4, 20, 20}};
  for (const Shape& shape : shapes)
    for (const char* activation : {"none", "relu", "relu6"}) {
      const double scale = std::string(activation) == "relu6" ? 4 : 1.5;
      const Tensor x = wave(shape, 0.1), g = wave(shape, 0.3);
      check(nhwc(x), nhwc(g), 1e-5, activation, scale, "NHWC");
      check(x, g, 1e-5, activation, scale, "NCHW");
      check(nhwc(x), g, 1e-5, activation, scale, "mixed");
      check(spread(x), spread(g), 1e-5, activation, scale, "strided");
      check(wave(shape, 0.1, DType::f64), wave(shape, 0.3, DType::f64), 1e-11, activation, scale,
            "f64");
    }
}

TEST(Normalisation, RowsAndSequencesAreNormalisedByChannelToo) {
  check(wave({37, 20}, 0.1), wave({37, 20}, 0.3), 1e-5, "none", 1, "rows");
  check(wave({4, 6, 33}, 0.1), wave({4, 6, 33}, 0.3), 1e-5, "relu", 1, "sequences");
}

TEST(Normalisation, HalfPrecisionKeepsItsStatisticsInFloat) {
  for (DType dtype : {DType::f16, DType::bf16}) {
    const Tensor x = wave({4, 16, 5, 5}, 0.1, dtype), g = wave({4, 16, 5, 5}, 0.3, dtype);
    const Tensor weight = Tensor::ones({16}), bias = wave({16}, 0.4);
    const auto [y, mean, variance] = ops::batch_norm_train(nhwc(x), weight, bias);
    EXPECT_EQ(y.dtype(), dtype);
    EXPECT_EQ(mean.dtype(), DType::f32);
    const Expected want = formulas(x, weight, bias, g, 1e-5, "none");
    expect_near(y, want.y, dtype == DType::f16 ? 1e-3 : 8e-3);
    expect_near(mean, want.mean, 1e-5);
    expect_near(variance, want.variance, 1e-5);
  }
}

TEST(Normalisation, ALargeMeanDoesNotDrownTheVariance) {
  const Tensor small = wave({4, 16, 8, 8}, 0.1, DType::f64);
  const auto v = small.to_vector<double>();
  std::vector<float> shifted;
  for (double d : v) shifted.push_back(static_cast<float>(1000 + d));
  for (const bool last : {false, true}) {
    const Tensor plain = Tensor::from(shifted, small.shape());
    const Tensor x = last ? nhwc(plain) : plain;
    const Tensor ones = Tensor::ones({16});
    const auto [y, mean, variance] = ops::batch_norm_train(x, ones, ones);
    const Expected want = formulas(plain, ones, ones, plain, 1e-5, "none");
    expect_near(variance, want.variance, 1e-5);
    expect_near(y, want.y, 2e-4);
  }
}

TEST(Normalisation, LargePicturesAreWrittenPastTheCachesWithTheSameValues) {
  const Tensor x = nhwc(wave({8, 32, 100, 96}, 0.1)), g = nhwc(wave({8, 32, 100, 96}, 0.3));
  check(x, g, 2e-5, "relu6", 3, "large");
}

TEST(Normalisation, GradientsOfTheStatisticsReachTheInput) {
  const Shape shape{2, 3, 4, 5};
  const Tensor x = wave(shape, 0.1, DType::f64).set_requires_grad();
  const auto [y, mean, variance] =
      ops::batch_norm_train(x, Tensor::ones({3}, DType::f64), Tensor::zeros({3}, DType::f64));
  const std::array<Tensor, 2> outputs{mean, variance};
  const std::array<Tensor, 1> inputs{x};
  const Tensor dx = autograd::grad(
      outputs, inputs,
      std::array<Tensor, 2>{Tensor::ones({3}, DType::f64), Tensor::ones({3}, DType::f64)})[0];
  const auto v = x.to_vector<double>(), m = mean.to_vector<double>();
  std::vector<double> want;
  for (std::size_t i = 0; i < v.size(); ++i) want.push_back((1 + 2 * (v[i] - m[i / 20 % 3])) / 40);
  expect_near(dx, want, 1e-12);
}

TEST(Normalisation, ThreadsDoNotChangeABit) {
  for (const Shape& shape : {Shape{3, 48, 37, 23}, Shape{5, 7, 19, 17}, Shape{17, 1280, 7, 7}}) {
    const Tensor x = wave(shape, 0.1), g = wave(shape, 0.3), w = Tensor::ones({shape[1]}),
                 b = wave({shape[1]}, 0.2);
    for (const bool last : {false, true})
      expect_thread_independence(
          [&] {
            const Tensor in = last ? nhwc(x) : x;
            auto [y, mean, variance] = ops::batch_norm_train(in, w, b, 1e-5, "relu");
            auto [dx, dw, db] = ops::batch_norm_train_grad(in, last ? nhwc(g) : g, w, b, mean,
                                                           variance, 1e-5, "relu");
            return TensorList{y, mean, variance, dx, dw, db};
          },
          describe(x));
  }
}

}  // namespace
}  // namespace athanor::testing
