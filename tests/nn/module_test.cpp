#include "athanor/nn/module.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/nn/batch_norm.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/nn/random_scope.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor {
namespace {

using nn::Sequential;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const std::vector<nn::NamedTensor>& list) {
  std::vector<std::string> out;
  for (const auto& entry : list) out.push_back(entry.name);
  return out;
}

std::unique_ptr<Sequential> small_net() {
  auto net = std::make_unique<Sequential>();
  net->emplace<nn::Conv2d>(3, 4, 3, nn::ConvOptions{.padding = {1, 1}});
  net->emplace<nn::BatchNorm2d>(4, nn::BatchNormOptions{.activation = "relu"});
  net->emplace<nn::GlobalAvgPool>();
  net->add("head", std::make_unique<nn::Linear>(4, 2));
  return net;
}

TEST(Module, NamesAreDottedAndInTheOrderOfRegistration) {
  const auto net = small_net();
  EXPECT_THAT(names(net->parameters()),
              ElementsAre("0.weight", "1.weight", "1.bias", "head.weight", "head.bias"));
  EXPECT_THAT(names(net->buffers()), ElementsAre("1.running_mean", "1.running_var"));
  EXPECT_EQ(nn::count_parameters(*net), 3 * 4 * 9 + 4 + 4 + 8 + 2);
  nn::set_trainable(*net->children()[0].second, false);
  EXPECT_EQ(nn::count_parameters(*net, true), 4 + 4 + 8 + 2);
}

TEST(Module, ANameCannotBeTakenTwiceOrHoldADot) {
  Sequential net;
  net.add("a", std::make_unique<nn::Identity>());
  EXPECT_THROW(net.add("a", std::make_unique<nn::Identity>()), ValueError);
  EXPECT_THROW(net.add("a.b", std::make_unique<nn::Identity>()), ValueError);
  EXPECT_THROW(net.add("", std::make_unique<nn::Identity>()), ValueError);
}

TEST(Module, TheStateGoesFromOneModelToAnother) {
  const auto a = small_net(), b = small_net();
  a->initialize(1);
  b->initialize(2);
  const Tensor x = ops::random_normal({2, 3, 5, 5}, 1, 2);
  a->eval();
  b->eval();
  const NoGrad no_grad;
  EXPECT_NE((*a)(x).to_vector<float>(), (*b)(x).to_vector<float>());
  TensorMap state = a->state_dict();
  state["1.num_batches_tracked"] = Tensor::zeros({}, DType::i64);
  b->load_state_dict(state);
  EXPECT_EQ((*a)(x).to_vector<float>(), (*b)(x).to_vector<float>());
}

TEST(Module, AStateThatDoesNotFitIsRefusedWithEveryNameAndNothingChanges) {
  const auto net = small_net();
  net->initialize(3);
  const auto before = net->state_dict().at("head.bias").to_vector<float>();
  TensorMap state = small_net()->state_dict();
  state.erase("0.weight");
  state["extra"] = Tensor::zeros({1});
  state["head.weight"] = Tensor::zeros({5, 4});
  try {
    net->load_state_dict(state);
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("missing: 0.weight"));
    EXPECT_THAT(error.what(), HasSubstr("unexpected: extra"));
    EXPECT_THAT(error.what(), HasSubstr("head.weight (has f32[5,4], needs [2,4])"));
  }
  EXPECT_EQ(net->state_dict().at("head.bias").to_vector<float>(), before);
  EXPECT_THROW(net->load_state_dict(state, false), ValueError);
  state.erase("head.weight");
  const nn::LoadResult result = net->load_state_dict(state, false);
  EXPECT_THAT(result.missing, ElementsAre("0.weight", "head.weight"));
  EXPECT_THAT(result.unexpected, ElementsAre("extra"));
}

TEST(Module, InitialValuesDependOnSeedAndNameAlone) {
  const auto a = small_net(), b = small_net();
  a->initialize(7);
  b->initialize(7);
  for (const auto& [name, tensor] : a->state_dict())
    EXPECT_EQ(tensor.to_bytes(), b->state_dict().at(name).to_bytes()) << name;
  Sequential other;  // the head has the same name; what stands before it does not matter
  other.add("head", std::make_unique<nn::Linear>(4, 2));
  other.initialize(7);
  EXPECT_EQ(other.state_dict().at("head.weight").to_bytes(),
            a->state_dict().at("head.weight").to_bytes());
  other.initialize(8);
  EXPECT_NE(other.state_dict().at("head.weight").to_bytes(),
            a->state_dict().at("head.weight").to_bytes());
}

struct Moments {
  explicit Moments(const Tensor& t) {
    const auto v = t.to_vector<double>();
    for (const double x : v) mean += x / static_cast<double>(v.size());
    for (const double x : v) deviation += (x - mean) * (x - mean) / static_cast<double>(v.size());
    deviation = std::sqrt(deviation);
    for (const double x : v) largest = std::max(largest, std::abs(x));
  }
  double mean = 0, deviation = 0, largest = 0;
};

TEST(Init, DistributionsHaveTheMomentsOfTheirPapers) {
  const Tensor t = Tensor::empty({64, 32, 3, 3});
  const nn::InitScope scope{1, "x."};
  EXPECT_EQ(nn::fan_of(t.shape(), nn::Fan::in), 288);
  EXPECT_EQ(nn::fan_of(t.shape(), nn::Fan::out), 576);
  EXPECT_THROW(nn::fan_of({3}, nn::Fan::in), ShapeError);
  const auto check = [&](double deviation) {
    const Moments m(t);
    EXPECT_NEAR(m.mean, 0, 0.02 * deviation);
    EXPECT_NEAR(m.deviation, deviation, 0.02 * deviation);
    return m;
  };
  nn::kaiming_normal(t, scope, "w");
  check(std::sqrt(2.0 / 288));
  nn::kaiming_normal(t, scope, "w", nn::Fan::out, 1);
  check(std::sqrt(1.0 / 576));
  nn::kaiming_uniform(t, scope, "w");
  EXPECT_LE(check(std::sqrt(2.0 / 288)).largest, std::sqrt(6.0 / 288));
  nn::xavier_normal(t, scope, "w");
  check(std::sqrt(2.0 / 864));
  nn::xavier_uniform(t, scope, "w");
  EXPECT_LE(check(std::sqrt(2.0 / 864)).largest, std::sqrt(6.0 / 864));
  nn::truncated_normal(t, scope, "w", 0, 0.5, 2);
  // Of a normal cut at two deviations: 0.8796.
  EXPECT_LE(check(0.5 * 0.87963).largest, 1);
  nn::constant(t, 3);
  EXPECT_NEAR(Moments(t).mean, 3, 1e-9);
}

TEST(BatchNorm, NormalisesByTheBatchAndKeepsRunningStatistics) {
  nn::BatchNorm2d norm(2);
  norm.weight.fill(2);
  norm.bias.fill(1);
  // Channel 0: 1 2 3 4 (mean 2.5, variance 1.25), channel 1: 0 0 0 8 (mean 2, variance 12).
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 0, 0, 3, 4, 0, 8}, {2, 2, 1, 2});
  const auto y = norm(x).to_vector<double>();
  EXPECT_NEAR(y[0], 1 + 2 * (1 - 2.5) / std::sqrt(1.25 + 1e-5), 1e-5);
  EXPECT_NEAR(y[7], 1 + 2 * (8 - 2) / std::sqrt(12 + 1e-5), 1e-5);
  EXPECT_NEAR(norm.running_mean.to_vector<double>()[0], 0.25, 1e-6);
  EXPECT_NEAR(norm.running_mean.to_vector<double>()[1], 0.2, 1e-6);
  // The running variance is the unbiased one: 5/3 and 16.
  EXPECT_NEAR(norm.running_var.to_vector<double>()[0], 0.9 + 0.1 * 5 / 3, 1e-6);
  EXPECT_NEAR(norm.running_var.to_vector<double>()[1], 0.9 + 1.6, 1e-6);
  norm.eval();
  const auto z = norm(x).to_vector<double>();
  EXPECT_NEAR(z[0], 1 + 2 * (1 - 0.25) / std::sqrt(0.9 + 0.5 / 3 + 1e-5), 1e-5);
  EXPECT_NEAR(norm.running_mean.to_vector<double>()[0], 0.25, 1e-6);
}

TEST(BatchNorm, TheFusedActivationIsAppliedInBothModes) {
  nn::BatchNorm2d norm(1, {.activation = "relu6"});
  norm.weight.fill(10);
  const Tensor x = Tensor::from(std::vector<float>{-1, 0, 1, 4}, {1, 1, 2, 2});
  for (const bool training : {true, false}) {
    norm.train(training);
    for (const double v : norm(x).to_vector<double>()) {
      EXPECT_GE(v, 0);
      EXPECT_LE(v, 6);
    }
  }
}

TEST(BatchNorm, AFrozenLayerIsAnAffineMapWithoutTraining) {
  nn::BatchNorm2d norm(1);
  norm.freeze();
  norm.running_mean.fill(1);
  norm.running_var.fill(4);
  const Tensor x = Tensor::from(std::vector<float>{3, 5}, {2, 1, 1, 1});
  x.set_requires_grad();
  const Tensor y = norm(x);
  EXPECT_NEAR(y.to_vector<double>()[1], 4 / std::sqrt(4 + 1e-5), 1e-5);
  autograd::backward(ops::sum(y));
  EXPECT_NEAR(x.grad().to_vector<double>()[0], 0.5, 1e-5);
  EXPECT_FALSE(norm.weight.grad().defined());
  EXPECT_EQ(norm.running_mean.item(), 1);
}

TEST(BatchNorm, OneValueInAChannelCannotBeTrainedOn) {
  nn::BatchNorm2d norm(3);
  EXPECT_THROW(norm(Tensor::ones({1, 3, 1, 1})), Error);
}

TEST(Dropout, NumbersAreAFunctionOfSeedStepAndCall) {
  nn::Dropout dropout(0.5);
  const Tensor x = Tensor::ones({1000});
  EXPECT_THROW(dropout(x), ValueError);
  const auto draw = [&](std::uint64_t seed, std::uint64_t step) {
    const nn::RandomScope scope(seed, step);
    auto first = dropout(x).to_vector<float>();
    const auto second = dropout(x).to_vector<float>();
    EXPECT_NE(first, second);
    first.insert(first.end(), second.begin(), second.end());
    return first;
  };
  const auto a = draw(1, 1);
  EXPECT_EQ(a, draw(1, 1));
  EXPECT_NE(a, draw(1, 2));
  EXPECT_NE(a, draw(2, 1));
  double kept = 0;
  for (const float v : a) {
    EXPECT_TRUE(v == 0 || v == 2);
    kept += v == 2;
  }
  EXPECT_NEAR(kept / 2000, 0.5, 0.05);
  {
    const nn::RandomScope outer(1, 1);
    dropout(x);
    {
      const nn::RandomScope inner(9, 9);
      dropout(x);
    }
    EXPECT_EQ(dropout(x).to_vector<float>(), std::vector<float>(a.begin() + 1000, a.end()));
  }
  dropout.eval();
  EXPECT_EQ(dropout(x).to_vector<float>(), x.to_vector<float>());
  EXPECT_THROW(nn::Dropout(1), ValueError);
}

TEST(Layers, OptionsOutOfRangeAreRefused) {
  EXPECT_THROW(nn::Linear(0, 1), ValueError);
  EXPECT_THROW(nn::Conv2d(3, 4, 3, {.groups = 2}), ValueError);
  EXPECT_THROW(nn::Conv2d(3, 4, 0), ValueError);
  EXPECT_THROW(nn::Conv2d(3, 4, 3, {.stride = {0, 1}}), ValueError);
  EXPECT_THROW(nn::MaxPool2d({.kernel = {2}}), ValueError);
  EXPECT_THROW(nn::BatchNorm2d(4, {.activation = "gelu"}), ValueError);
}

TEST(Layers, PoolingAndActivationsRun) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4}, {1, 1, 2, 2});
  EXPECT_EQ(nn::MaxPool2d()(x).item(), 4);
  EXPECT_EQ(nn::AvgPool2d()(x).item(), 2.5);
  EXPECT_EQ(nn::GlobalAvgPool()(x).shape(), (Shape{1, 1}));
  EXPECT_EQ(nn::Flatten()(x).shape(), (Shape{1, 4}));
  nn::AvgPool2d padded({.kernel = {2, 2}, .padding = {1, 1}});
  EXPECT_EQ(padded(x).to_vector<float>(), (std::vector<float>{0.25, 0.5, 0.75, 1}));
  nn::AvgPool2d inner({.kernel = {2, 2}, .padding = {1, 1}}, false);
  EXPECT_EQ(inner(x).to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
  const Tensor v = Tensor::from(std::vector<float>{-1, 2}, {2});
  const std::pair<nn::ActivationKind, double> values[] = {
      {nn::ActivationKind::relu, 0},
      {nn::ActivationKind::relu6, 0},
      {nn::ActivationKind::silu, -1 / (1 + std::exp(1.0))},
      {nn::ActivationKind::gelu, -0.5 * (1 + std::erf(-std::sqrt(0.5)))},
      {nn::ActivationKind::hardswish, -1.0 / 3},
      {nn::ActivationKind::hardsigmoid, 1.0 / 3},
      {nn::ActivationKind::sigmoid, 1 / (1 + std::exp(1.0))},
      {nn::ActivationKind::tanh, std::tanh(-1.0)},
      {nn::ActivationKind::leaky_relu, -0.01}};
  for (const auto& [kind, want] : values) {
    nn::Activation activation(kind);
    EXPECT_NEAR(activation(v).to_vector<double>()[0], want, 1e-6) << activation.describe();
  }
}

TEST(Losses, AreThoseOfTheirFormulas) {
  const Tensor logits = Tensor::from(std::vector<float>{1, 2, 0, 0}, {2, 2});
  const Tensor target = Tensor::from(std::vector<std::int64_t>{1, 0}, {2});
  const double a = std::log(1 + std::exp(-1.0)), b = std::log(2.0);
  EXPECT_NEAR(nn::cross_entropy(logits, target).item(), (a + b) / 2, 1e-6);
  EXPECT_NEAR(
      nn::cross_entropy(logits, target, {.reduction = nn::Reduction::none}).to_vector<double>()[0],
      a, 1e-6);
  EXPECT_NEAR(
      nn::cross_entropy(logits, target, {.weight = Tensor::from(std::vector<float>{1, 3}, {2})})
          .item(),
      (3 * a + b) / 4, 1e-6);
  // Smoothing 0.2 puts 0.1 on each class and 0.8 more on the target: 0.1 (a + 1) + 0.9 a.
  EXPECT_NEAR(nn::cross_entropy(logits, target, {.label_smoothing = 0.2}).item(),
              (0.9 * a + 0.1 * (a + 1) + b) / 2, 1e-6);
  const Tensor soft = Tensor::from(std::vector<float>{0.25, 0.75, 1, 0}, {2, 2});
  EXPECT_NEAR(nn::cross_entropy(logits, soft).item(), (0.75 * a + 0.25 * (a + 1) + b) / 2, 1e-6);
  EXPECT_THROW(nn::cross_entropy(logits, target, {.label_smoothing = 1}), ValueError);
  const Tensor y = Tensor::from(std::vector<float>{0, 1, 1, 0}, {2, 2});
  EXPECT_NEAR(nn::bce_with_logits(logits, y).item(),
              (std::log(1 + std::exp(1.0)) + std::log(1 + std::exp(-2.0)) + 2 * b) / 4, 1e-6);
  EXPECT_NEAR(nn::mse_loss(logits, y).item(), (1 + 1 + 1 + 0) / 4.0, 1e-6);
  EXPECT_NEAR(nn::l1_loss(logits, y, nn::Reduction::sum).item(), 3, 1e-6);
}

TEST(Summary, ListsLayersShapesAndParametersAndKeepsTheMode) {
  const auto net = small_net();
  net->children()[1].second->eval();
  const std::string text = nn::summary(*net, {1, 3, 8, 8});
  EXPECT_THAT(text, HasSubstr("Conv2d(3, 4, kernel 3x3, padding 1x1)"));
  EXPECT_THAT(text, HasSubstr("[1,4,8,8]"));
  EXPECT_THAT(text, HasSubstr("126 parameters, 126 of them trained"));
  EXPECT_TRUE(net->training());
  EXPECT_FALSE(net->children()[1].second->training());
  EXPECT_TRUE(net->children()[0].second->training());
}

}  // namespace
}  // namespace athanor
