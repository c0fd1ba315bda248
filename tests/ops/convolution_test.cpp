#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

// Values of torch.nn.functional (PyTorch 1.13, float64) for inputs made by scattered().
const DType kWide = DType::f64;
Tensor wide(const Shape& shape) { return scattered(shape, kWide); }
Tensor bias() { return values({0.5, -0.25}, {2}, kWide); }

TEST(Conv1d, ValuesAreThoseOfPyTorch) {
  const Tensor y = ops::conv1d(wide({1, 2, 7}), wide({2, 2, 3}), bias(), {2}, {2}, {2});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 4}));
  expect_near(
      y,
      {-0.1175809, 0.006297775, 1.153382, 0.2493101, 0.6851281, -0.7265348, -1.009747, 0.01492477},
      1e-6);
  expect_near(ops::conv1d(wide({1, 2, 7}), wide({4, 1, 2}), {}, {3}, {1}, {1}, 2),
              {-0.1246118, 0.1966011, 0.2817461, -0.01315562, 0.5046584, 0.3142685, 0.3699966,
               0.7725157, 0.8901832, 0.7895101, 0.7524158, 0.5945483},
              1e-6);
}

TEST(ConvTranspose1d, ValuesAreThoseOfPyTorch) {
  const Tensor y =
      ops::conv_transpose1d(wide({1, 2, 3}), wide({2, 2, 3}), bias(), {3}, {1}, {2}, {2});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 11}));
  expect_near(y, {0.5,        0.3258714, 0.6602399,   0.6602399,  0.05033652, 0.5224725,
                  0.02402529, 0.4961612, 0.5,         1.053442,   0.5,        -0.25,
                  -0.4767511, 0.3034421, -0.1423826,  -0.3064612, -0.5556848, -0.3327725,
                  -0.5819961, -0.25,     -0.02471516, -0.25},
              1e-6);
}

TEST(ConvTranspose2d, ValuesAndGradientsAreThoseOfPyTorch) {
  const Tensor x = wide({1, 2, 2, 3}).set_requires_grad();
  const Tensor w = wide({2, 2, 3, 2}).set_requires_grad();
  const Tensor y = ops::conv_transpose2d(x, w, bias(), {2, 1}, {1, 0}, {1, 0});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 4, 4}));
  expect_near(y,
              {0.826691,   -0.5648719, 1.664252,   0.5573674,  0.8840585, 0.38889,    -0.09713475,
               0.4305562,  0.7539686,  -0.8480842, 1.381039,   0.3468776, 0.5372674,  1.636474,
               -0.6328494, 0.7989135,  -0.5533123, 0.3167708,  0.4669607, -0.6786573, -0.2017764,
               -0.6395774, -0.3391976, 0.1311259,  -0.8690472, 0.1311259, 0.2813158,  -0.5485674,
               0.08143599, -1.495772,  0.6281068,  -0.4309},
              1e-6);
  autograd::backward(ops::sum(y * wide(y.shape())));
  expect_near(x.grad(),
              {2.062459, -1.092303, 0.9464305, 1.470069, -1.402947, 1.166756, -1.391991,
               -0.05598287, 0.139152, -0.1832219, -0.3889669, 0.1792703},
              1e-6);
  expect_near(w.grad(), {-0.4403466, 0.6316427,  1.601493,  -1.061033, -1.048611,  1.593815,
                         -0.4494904, 0.7339551,  1.610983,  -1.051543, -0.6784409, 1.603305,
                         0.8306163,  -0.6221528, -1.023766, 1.59856,   1.465538,   -0.9415533,
                         -0.4012668, -0.5753954, -1.125386, 1.49694,   -0.6097712, -1.043173},
              1e-6);
}

TEST(ConvTranspose2d, OutputPaddingMayReachTheDilation) {
  const Tensor y = ops::conv_transpose2d(wide({1, 1, 2, 2}), wide({1, 1, 2, 2}), {}, {1, 1}, {0, 0},
                                         {2, 1}, {3, 3});
  EXPECT_EQ(y.shape(), (Shape{1, 1, 7, 6}));
  expect_near(y, {0.05572809,  -0.1246118, 0, -0.1246118,  0.2786405,  0, 0.1671843, -0.01315562, 0,
                  -0.3738354,  0.02941686, 0, 0,           0,          0, 0,         0,           0,
                  0.1671843,   -0.3738354, 0, -0.01315562, 0.02941686, 0, 0.5015528, -0.03946685, 0,
                  -0.03946685, 0.00310562, 0, 0,           0,          0, 0,         0,           0,
                  0,           0,          0, 0,           0,          0},
              1e-6);
}

TEST(ConvTranspose2d, GroupsAreThoseOfPyTorch) {
  expect_near(ops::conv_transpose2d(wide({1, 2, 2, 2}), wide({2, 2, 2, 2}), {}, {2, 2}, {1, 1},
                                    {0, 0}, {1, 1}, 2),
              {-0.01315562, -0.3738354, -0.3738354, -0.01315562, 0.2097567, 0.1834455, 0.2949017,
               0.04567809, 0.1370343, 0.2484905, 0.2221792, 0.110723, -0.6369477, -0.191123,
               -0.1059781, -0.8273376},
              1e-6);
}

}  // namespace
}  // namespace athanor
