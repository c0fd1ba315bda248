#include <gtest/gtest.h>

#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/autograd/node.hpp"
#include "athanor/base/error.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor {
namespace {

Tensor leaf(const std::vector<double>& values) {
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())}).set_requires_grad();
}

std::vector<double> grad_of(const Tensor& y, const Tensor& x) {
  return autograd::grad(std::array{y}, std::array{x})[0].to_vector<double>();
}

TEST(Tape, GradientsOfGradientsFollowTheClosedForm) {
  const Tensor x = leaf({0.7});
  Tensor y = ops::exp(x) * ops::sin(x);
  // Derivatives of e^x sin x turn by 45 degrees and grow by sqrt(2).
  const double pi = std::acos(-1.0);
  for (int order = 1; order <= 4; ++order) {
    y = autograd::grad(std::array{y}, std::array{x}, {}, {.create_graph = true})[0];
    EXPECT_NEAR(y.item(),
                std::pow(std::sqrt(2.0), order) * std::exp(0.7) * std::sin(0.7 + order * pi / 4),
                1e-12)
        << order;
  }
}

TEST(Tape, OpsThatReadTheirOutputHaveSecondGradientsToo) {
  for (const auto& [op, second] :
       std::vector<std::pair<Tensor (*)(const Tensor&), double (*)(double)>>{
           {ops::tanh,
            [](double x) {
              const double t = std::tanh(x);
              return -2 * t * (1 - t * t);
            }},
           {ops::exp, [](double x) { return std::exp(x); }},
           {ops::sqrt, [](double x) { return -0.25 * std::pow(x, -1.5); }},
           {ops::reciprocal, [](double x) { return 2 / (x * x * x); }},
           {ops::sigmoid, [](double x) {
              const double s = 1 / (1 + std::exp(-x));
              return s * (1 - s) * (1 - 2 * s);
            }}}) {
    const Tensor x = leaf({0.6});
    const Tensor g =
        autograd::grad(std::array{op(x)}, std::array{x}, {}, {.create_graph = true})[0];
    EXPECT_NEAR(grad_of(g, x)[0], second(0.6), 1e-12);
  }
}

TEST(Tape, ATensorThatIsUsedTwiceGetsTheSum) {
  const Tensor x = leaf({3});
  const Tensor y = x * x;
  autograd::backward(y * x + y);  // x^3 + x^2
  EXPECT_DOUBLE_EQ(x.grad().item(), 27 + 6);
}

TEST(Tape, GradientsAccumulateInLeavesUntilTheyAreCleared) {
  const Tensor x = leaf({3});
  autograd::backward(x * 2.0);
  autograd::backward(x * 5.0);
  EXPECT_DOUBLE_EQ(x.grad().item(), 7);
}

TEST(Tape, ABroadcastInputGetsTheSumOverTheBroadcast) {
  const Tensor x = leaf({1, 2, 3});
  const Tensor w = Tensor::ones({4, 3}, DType::f64);
  autograd::backward(w * x, Tensor::ones({4, 3}, DType::f64));
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{4, 4, 4}));
}

TEST(Tape, ASavedTensorThatWasOverwrittenIsNoticed) {
  const Tensor x = leaf({1, 2}), a = Tensor::ones({2}, DType::f64);
  const Tensor y = x * a;
  a.fill(5);
  try {
    autograd::backward(y, Tensor::ones({2}, DType::f64));
    FAIL() << "the overwrite was not noticed";
  } catch (const ValueError& e) {
    EXPECT_NE(std::string(e.what()).find("was overwritten"), std::string::npos) << e.what();
  }
}

TEST(Tape, AReleasedTapeIsNoticedAndARetainedOneGoesTwice) {
  const Tensor x = leaf({2});
  const Tensor y = x * x;
  autograd::backward(y, {}, true);
  autograd::backward(y);
  EXPECT_DOUBLE_EQ(x.grad().item(), 8);
  EXPECT_THROW(autograd::backward(y), ValueError);
}

TEST(Tape, NothingIsRecordedWithoutGradients) {
  const std::size_t before = autograd::live_nodes();
  const Tensor x = leaf({2});
  {
    const NoGrad off;
    const Tensor y = x * x;
    EXPECT_FALSE(y.requires_grad());
  }
  const Tensor plain = Tensor::ones({2});
  const Tensor y = plain * plain;
  EXPECT_FALSE(y.requires_grad());
  EXPECT_EQ(autograd::live_nodes(), before);
}

TEST(Tape, AMisuseIsRefusedWithItsReason) {
  const Tensor plain = Tensor::ones({2}), x = leaf({1, 2});
  EXPECT_THROW(autograd::backward(plain), ValueError);
  EXPECT_THROW(autograd::backward(x * 2.0), ShapeError);
  EXPECT_THROW(autograd::backward(x * 2.0, Tensor::ones({3}, DType::f64)), ShapeError);
  EXPECT_THROW(autograd::grad(std::array{x * 2.0}, std::array{plain}), ValueError);
  EXPECT_THROW((x * 2.0).set_requires_grad(), ValueError);
  EXPECT_THROW(Tensor::ones({2}, DType::i32).set_requires_grad(), DTypeError);
}

TEST(Tape, AnInputWithoutPathGivesAnUndefinedGradient) {
  const Tensor x = leaf({2}), other = leaf({3});
  const TensorList g = autograd::grad(std::array{x * x}, std::array{x, other});
  EXPECT_TRUE(g[0].defined());
  EXPECT_FALSE(g[1].defined());
}

TEST(Tape, AnIntermediateTensorMayBeAnInputOfGrad) {
  const Tensor x = leaf({2});
  const Tensor middle = x * x, y = middle * middle;
  EXPECT_DOUBLE_EQ(grad_of(y, middle)[0], 8);
}

TEST(Tape, AVjpThatReadsWhatItDidNotDeclareIsAnInternalError) {
  OpDef op = *registry().find("add");
  op.vjp = [](const Vjp& v) { return TensorList{v.input(0), Tensor()}; };
  op.saves = Saves::none;
  const Tensor x = leaf({2}), y = leaf({2});
  const Tensor in[] = {x, y};
  const Ref<autograd::Node> node =
      make_ref<autograd::Node>(op, in, Attrs(op.signature), TensorList{x}, op.saves);
  const Tensor g = Tensor::ones({1}, DType::f64);
  EXPECT_THROW(autograd::call_vjp(*node, {&g, 1}), InternalError);
}

TEST(Tape, AChainOfAMillionOpsIsDestroyedWithoutDeepCalls) {
  const std::size_t before = autograd::live_nodes();
  {
    Tensor y = leaf({1});
    for (int i = 0; i < 1000000; ++i) y = ops::neg(y);
    EXPECT_EQ(autograd::live_nodes(), before + 1000000);
  }
  EXPECT_EQ(autograd::live_nodes(), before);
}

TEST(Tape, AChainThatSavesItsInputsIsDestroyedWithoutDeepCalls) {
  const std::size_t before = autograd::live_nodes();
  {
    Tensor y = leaf({1});
    for (int i = 0; i < 200000; ++i) y = ops::sin(y);
  }
  EXPECT_EQ(autograd::live_nodes(), before);
  const Tensor x = leaf({1});
  {
    Tensor y = x;
    for (int i = 0; i < 100000; ++i) y = ops::sin(y);
    autograd::backward(y);
  }
  EXPECT_EQ(autograd::live_nodes(), before);
  EXPECT_GT(x.grad().item(), 0);
}

TEST(Tape, ADroppedGraphOfGradientsLeavesNothingBehind) {
  const std::size_t before = autograd::live_nodes();
  {
    const Tensor x = leaf({0.3});
    const Tensor y = ops::tanh(x) * ops::exp(x);
    const Tensor g = autograd::grad(std::array{y}, std::array{x}, {}, {.create_graph = true})[0];
    EXPECT_TRUE(g.requires_grad());
  }
  EXPECT_EQ(autograd::live_nodes(), before);
}

TEST(Tape, AFusedExpressionHasTheGradientOfItsParts) {
  const Tensor a = leaf({0.3, -1.2, 2}), b = leaf({1.5, 0.2, -0.4});
  const Expr x0 = Expr::argument(0), x1 = Expr::argument(1);
  const Tensor in[] = {a, b};
  const Tensor one = Tensor::ones({3}, DType::f64);
  const TensorList fused = autograd::grad(
      std::array{ops::pointwise(in, x0 * tanh(x1) + exp(x0 * x1))}, in, std::array{one});
  const TensorList parts =
      autograd::grad(std::array{a * ops::tanh(b) + ops::exp(a * b)}, in, std::array{one});
  for (std::size_t i = 0; i < 2; ++i) {
    const auto p = fused[i].to_vector<double>(), q = parts[i].to_vector<double>();
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(p[k], q[k], 1e-14);
  }
}

}  // namespace
}  // namespace athanor
