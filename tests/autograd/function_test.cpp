#include "athanor/autograd/function.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "athanor/autograd/functional.hpp"
#include "athanor/base/error.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor {
namespace {

using autograd::apply;
using testing::ElementsAre;
using testing::HasSubstr;

struct Cube : autograd::Function {
  std::string_view name() const override { return "cube"; }
  TensorList forward(std::span<const Tensor> x) override {
    save(x[0]);
    return {x[0] * x[0] * x[0]};
  }
  TensorList backward(const TensorList& grads) override {
    return {grads[0] * 3.0 * saved(0) * saved(0)};
  }
};

// exp by a loop of its own, whose gradient reads the output.
struct LoopExp : autograd::Function {
  std::string_view name() const override { return "loop_exp"; }
  TensorList forward(std::span<const Tensor> x) override {
    const Tensor y = Tensor::empty(x[0].shape(), x[0].dtype());
    for (std::int64_t i = 0; i < y.count(); ++i)
      y.data<double>()[i] = std::exp(x[0].data<double>()[i]);
    save(y);
    return {y};
  }
  TensorList backward(const TensorList& grads) override { return {grads[0] * saved(0)}; }
};

struct Wrong : autograd::Function {
  explicit Wrong(TensorList answer) : answer(std::move(answer)) {}
  std::string_view name() const override { return "wrong"; }
  TensorList forward(std::span<const Tensor> x) override { return {x[0] * 2.0}; }
  TensorList backward(const TensorList&) override { return answer; }
  TensorList answer;
};

Tensor leaf(const std::vector<double>& values) {
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())}).set_requires_grad();
}

std::string refusal(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Function, IsRecordedWithGradientsOfGradients) {
  const Tensor x = leaf({0.5, -2, 3});
  autograd::check_gradients([](const TensorList& in) { return apply<Cube>({in[0]}); },
                            std::array{x}, {.second = true});
  autograd::check_gradients([](const TensorList& in) { return apply<LoopExp>({in[0]}); },
                            std::array{x}, {.second = true});
}

TEST(Function, LeavesNoNodesBehind) {
  const std::size_t before = autograd::live_nodes();
  for (int i = 0; i < 10; ++i) {
    const Tensor x = leaf({1, 2});
    autograd::backward(ops::sum(apply<LoopExp>({apply<Cube>({x})[0]})[0]));
  }
  EXPECT_EQ(autograd::live_nodes(), before);
}

TEST(Function, WithoutGradientsItIsNotRecorded) {
  EXPECT_FALSE(apply<Cube>({leaf({1}).detach()})[0].requires_grad());
  const NoGrad off;
  EXPECT_FALSE(apply<Cube>({leaf({1})})[0].requires_grad());
}

TEST(Function, AnOverwrittenInputIsNoticed) {
  const Tensor x = leaf({1, 2});
  const Tensor y = apply<Cube>({x})[0];
  x.detach().fill(0);
  EXPECT_THAT(refusal([&] { autograd::backward(ops::sum(y)); }),
              HasSubstr("input 0 of cube (f64[2]) was overwritten"));
}

TEST(Function, AWrongBackwardIsNamed) {
  const auto run = [](TensorList answer) {
    return refusal(
        [&] { autograd::backward(ops::sum(apply<Wrong>({leaf({1, 2})}, std::move(answer))[0])); });
  };
  EXPECT_THAT(run({}), HasSubstr("wrong: its backward returned 0 gradients, and forward had 1"));
  EXPECT_THAT(run({Tensor::ones({3}, DType::f64)}),
              HasSubstr("wrong: its backward returned f64[3] for input 0, which has shape [2]"));
  EXPECT_THAT(run({Tensor::ones({2}, DType::f32)}),
              HasSubstr("wrong: its backward returned f32[2] for input 0, which is f64"));
}

TEST(Hook, SeesTheWholeGradientAndMayChangeIt) {
  const Tensor x = leaf({1, 2});
  std::vector<std::vector<double>> seen;
  const auto id = autograd::add_hook(x, [&](const Tensor& g) {
    seen.push_back(g.to_vector<double>());
    return g * 10.0;
  });
  autograd::backward(ops::sum(x * 2.0 + x * x));  // two uses, one call
  EXPECT_THAT(seen, ElementsAre(ElementsAre(4, 6)));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(40, 60));
  EXPECT_TRUE(autograd::remove_hook(x, id));
  EXPECT_FALSE(autograd::remove_hook(x, id));
  x.set_grad({});
  autograd::backward(ops::sum(x * 2.0));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(2, 2));
  EXPECT_EQ(seen.size(), 1u);
}

TEST(Hook, OfAnIntermediateTensorChangesWhatFlowsOn) {
  const Tensor x = leaf({1, 2});
  {
    const Tensor y = x * 3.0;
    autograd::add_hook(y, [](const Tensor& g) { return g * 0.5; });
    autograd::backward(ops::sum(y * y));
  }
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(9, 18));
}

TEST(Hook, AGradientOfAnotherShapeOrNoGradientAtAllIsRefused) {
  const Tensor x = leaf({1, 2});
  autograd::add_hook(x, [](const Tensor&) { return Tensor::ones({3}, DType::f64); });
  EXPECT_THAT(refusal([&] { autograd::backward(ops::sum(x * 2.0)); }),
              HasSubstr("hook: it returned f64[3]; a gradient must keep the shape [2]"));
  EXPECT_THAT(refusal([&] { autograd::add_hook(x.detach(), {}); }),
              HasSubstr("does not require a gradient"));
}

}  // namespace
}  // namespace athanor
