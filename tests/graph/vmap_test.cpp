#include "athanor/graph/vmap.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "athanor/autograd/functional.hpp"
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

TEST(Vmap, EveryExampleAsAlone) {
  const Tensor x = ops::random_normal({5, 3, 4}, 1, 2, 0, 1, DType::f64);
  const Tensor w = ops::random_normal({4, 2}, 1, 3, 0, 1, DType::f64);
  const auto f = [](const TensorList& in) {
    const Tensor h = ops::tanh(ops::matmul(in[0], in[1]));
    return TensorList{ops::softmax(h, 0), ops::sum(h * h)};
  };
  const TensorList all =
      graph::vmap(f, std::array{x, w}, {.in_axes = {0, graph::kWhole}, .out_axes = {1, 0}});
  EXPECT_EQ(all[0].shape(), (Shape{3, 5, 2}));
  EXPECT_EQ(all[1].shape(), (Shape{5}));
  for (std::int64_t i = 0; i < 5; ++i) {
    const TensorList one = f({ops::squeeze(ops::slice(x, 0, i, i + 1, 1), {0}), w});
    const auto found = ops::squeeze(ops::slice(all[0], 1, i, i + 1, 1), {1}).to_vector<double>();
    const auto wanted = one[0].to_vector<double>();
    for (std::size_t k = 0; k < wanted.size(); ++k) EXPECT_NEAR(found[k], wanted[k], 1e-12);
    EXPECT_NEAR(all[1].to_vector<double>()[static_cast<std::size_t>(i)], one[1].item(), 1e-12);
  }
}

TEST(Vmap, GradientsFlowIntoInputsAndCapturedTensors) {
  const Tensor x = tensor({1, 2, 3, 4}, {2, 2}).set_requires_grad();
  const Tensor w = tensor({10, 20}, {2}).set_requires_grad();
  const TensorList y = graph::vmap(
      [&](const TensorList& in) { return TensorList{ops::sum(in[0] * (w * 2.0))}; }, std::array{x});
  autograd::backward(ops::sum(y[0]));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(20, 40, 20, 40));
  EXPECT_THAT(w.grad().to_vector<double>(), ElementsAre(8, 12));
}

TEST(Vmap, NestsWithItselfAndWithGradients) {
  const Tensor a = tensor({1, 2, 3}, {3}), b = tensor({10, 20}, {2});
  const TensorList outer = graph::vmap(
      [&](const TensorList& one) {
        return graph::vmap([](const TensorList& in) { return TensorList{in[0] * in[1]}; },
                           std::array{one[0], b}, {.in_axes = {graph::kWhole, 0}});
      },
      std::array{a});
  EXPECT_THAT(outer[0].to_vector<double>(), ElementsAre(10, 20, 20, 40, 30, 60));
  // The inner function sees the outer example without being given it.
  const TensorList closed = graph::vmap(
      [&](const TensorList& one) {
        return graph::vmap(
            [&](const TensorList& in) { return TensorList{in[0] * one[0] + one[0]}; },
            std::array{b});
      },
      std::array{a});
  EXPECT_THAT(closed[0].to_vector<double>(), ElementsAre(11, 21, 22, 42, 33, 63));
  const TensorList each = graph::vmap(
      [](const TensorList& in) {
        return autograd::vjp(
                   [](const TensorList& x) { return TensorList{ops::sum(x[0] * x[0] * x[0])}; },
                   std::array{in[0]}, std::array{Tensor::scalar(1, DType::f64)})
            .values;
      },
      std::array{tensor({1, 2, 3, 4}, {2, 2})});
  EXPECT_THAT(each[0].to_vector<double>(), ElementsAre(3, 12, 27, 48));
}

TEST(Vmap, WhatCannotBeDoneIsRefused) {
  const Tensor x = tensor({1, 2, 3, 4}, {2, 2});
  const auto same = [](const TensorList& in) { return in; };
  EXPECT_THAT(refusal([&] { graph::vmap(same, std::array{x, tensor({1}, {1})}); }),
              HasSubstr("input 1 (f64[1]) has 1 examples on axis 0, input 0 has 2"));
  EXPECT_THAT(refusal([&] { graph::vmap(same, std::array{Tensor::zeros({0, 2})}); }),
              HasSubstr("there are no examples"));
  EXPECT_THAT(refusal([&] { graph::vmap(same, std::array{Tensor::scalar(1)}); }),
              HasSubstr("has no axis of examples"));
  EXPECT_THAT(refusal([&] { graph::vmap(same, std::array{x}, {.in_axes = {graph::kWhole}}); }),
              HasSubstr("none of the 1 inputs has an axis of examples"));
  EXPECT_THAT(refusal([&] {
                graph::vmap(
                    [](const TensorList& in) { return TensorList{ops::dropout(in[0], 0.5, 1, 2)}; },
                    std::array{x});
              }),
              HasSubstr("vmap: dropout draws random numbers"));
  EXPECT_NE(refusal([&] {
              graph::vmap(
                  [](const TensorList& in) {
                    return TensorList{ops::sum(in[0]).item() > 0 ? in[0] : -in[0]};
                  },
                  std::array{x});
            }),
            "");
}

}  // namespace
}  // namespace athanor
