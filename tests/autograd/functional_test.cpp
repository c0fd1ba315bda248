#include "athanor/autograd/functional.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "athanor/autograd/anomaly.hpp"
#include "athanor/base/error.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor tensor(const std::vector<double>& values, const Shape& shape) {
  return Tensor::from(values, shape);
}

std::string refusal(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// (x0 x1, x0^2, 7): a Jacobian that is known.
TensorList three(const TensorList& in) {
  const Tensor a = ops::slice(in[0], 0, 0, 1, 1), b = ops::slice(in[0], 0, 1, 2, 1);
  return {ops::concat(TensorList{a * b, a * a}, 0), Tensor::full({1}, 7, DType::f64)};
}

TEST(Functional, VjpAndJvpFollowTheJacobian) {
  const Tensor x = tensor({2, 5}, {2});
  const auto pulled =
      autograd::vjp(three, std::array{x}, std::array{tensor({1, 10}, {2}), tensor({1}, {1})});
  EXPECT_THAT(pulled.values[0].to_vector<double>(), ElementsAre(45, 2));
  const auto pushed = autograd::jvp(three, std::array{x}, std::array{tensor({1, 100}, {2})});
  EXPECT_THAT(pushed.outputs[0].to_vector<double>(), ElementsAre(10, 4));
  EXPECT_THAT(pushed.values[0].to_vector<double>(), ElementsAre(205, 4));
  EXPECT_THAT(pushed.values[1].to_vector<double>(), ElementsAre(0));
}

TEST(Functional, JacobianAndItsRows) {
  const Tensor x = tensor({1, 2, 3}, {3});
  const Tensor j = autograd::jacobian([](const Tensor& t) { return ops::cumsum(t * t, 0); }, x);
  EXPECT_EQ(j.shape(), (Shape{3, 3}));
  EXPECT_THAT(j.to_vector<double>(), ElementsAre(2, 0, 0, 2, 4, 0, 2, 4, 6));
}

TEST(Functional, JvpNestsForAHessianVectorProduct) {
  // f = sum x^3: H v = 6 x v.
  const auto gradient = [](const TensorList& in) {
    return autograd::vjp(
               [](const TensorList& x) { return TensorList{ops::sum(x[0] * x[0] * x[0])}; },
               std::array{in[0]}, std::array{Tensor::scalar(1, DType::f64)}, true)
        .values;
  };
  const auto found =
      autograd::jvp(gradient, std::array{tensor({1, 2}, {2})}, std::array{tensor({1, 10}, {2})});
  EXPECT_THAT(found.values[0].to_vector<double>(), ElementsAre(6, 120));
}

TEST(Functional, DirectionsThatDoNotFitAreRefused) {
  const Tensor x = tensor({2, 5}, {2});
  EXPECT_THAT(refusal([&] { autograd::jvp(three, std::array{x}, std::array{tensor({1}, {1})}); }),
              HasSubstr("tangent 0 is f64[1], input 0 has shape [2]"));
  EXPECT_THAT(refusal([&] { autograd::vjp(three, std::array{x}, std::array{x}); }),
              HasSubstr("cotangent: 1 given for 2 outputs"));
  EXPECT_THAT(refusal([&] {
                autograd::vjp(three, std::array{Tensor::zeros({2}, DType::i64)}, std::array{x, x});
              }),
              HasSubstr("i64[2] has no gradient"));
}

TEST(CheckGradients, AWrongGradientIsNamed) {
  const Tensor x = tensor({0.5, 2}, {2}).set_requires_grad();
  // The gradient of abs is hidden from the tape.
  const auto wrong = [](const TensorList& in) {
    return TensorList{in[0] * in[0] + ops::square(in[0]).detach()};
  };
  EXPECT_THAT(refusal([&] { autograd::check_gradients(wrong, std::array{x}); }),
              HasSubstr("the gradient by input 0 at [0] is"));
  EXPECT_THAT(refusal([&] {
                autograd::check_gradients(
                    wrong, std::array{ops::cast(x, DType::f32).detach().set_requires_grad()});
              }),
              HasSubstr("input 0 is f32[2]; differences need f64"));
  EXPECT_THAT(refusal([&] { autograd::check_gradients(wrong, std::array{x.detach()}); }),
              HasSubstr("none of the 1 inputs requires a gradient"));
}

TEST(Anomaly, NamesTheOpThatMadeTheNaN) {
  struct On {
    On() { autograd::set_detect_anomaly(true); }
    ~On() {
      autograd::set_detect_anomaly(false);
      autograd::set_call_place({});
    }
  } const on;
  autograd::set_call_place([] { return std::string("model.cpp:12"); });
  const Tensor x = tensor({-1, 4}, {2}).set_requires_grad();
  EXPECT_THAT(refusal([&] { (void)ops::log(x); }),
              HasSubstr("anomaly: log made a NaN in output 0 (f64[2]) from inputs without one "
                        "(f64[2]); called at model.cpp:12"));
  // sqrt at 0 has the gradient 1 / 0, and 0 times that is NaN.
  const Tensor zero = tensor({0, 4}, {2}).set_requires_grad();
  const Tensor y = ops::sqrt(zero) * 0.0;
  EXPECT_THAT(refusal([&] { autograd::backward(ops::sum(y)); }),
              HasSubstr("anomaly: the gradient of sqrt by input 0 (f64[2]) has a NaN; the op was "
                        "called at model.cpp:12"));
}

}  // namespace
}  // namespace athanor
