#include "athanor/vision/models/readout.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "athanor/op/dispatch.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/vision/models/builtin.hpp"
#include "athanor/vision/models/pretrained.hpp"

namespace athanor::vision {
namespace {

Tensor pixels(const Shape& shape) {
  const Tensor t = Tensor::empty(shape);
  for (std::int64_t i = 0; i < t.count(); ++i)
    t.data<float>()[i] = std::sin(0.37f * static_cast<float>(i));
  return t;
}

TEST(Stages, EndInWhatFeaturesPools) {
  for (const ModelInfo& info : model_list()) {
    const auto model = make_model(info.name, {.num_classes = 3});
    model->eval();
    const NoGrad no_grad;
    const std::int64_t side = std::max<std::int64_t>(info.min_input_size, 32);
    const Tensor x = ops::channels_last(pixels({2, 3, side, side}));
    const TensorList stages = model->stages(x);
    const std::vector<std::int64_t> widths = model->stage_widths();
    ASSERT_EQ(stages.size(), widths.size()) << info.name;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      ASSERT_EQ(stages[i].rank(), 4) << info.name;
      EXPECT_EQ(stages[i].dim(1), widths[i]) << info.name << " stage " << i;
    }
    const auto pooled = ops::mean(stages.back(), {2, 3}).to_vector<float>();
    const auto features = model->features(x).to_vector<float>();
    ASSERT_EQ(pooled.size(), features.size()) << info.name;
    for (std::size_t i = 0; i < pooled.size(); ++i)
      ASSERT_NEAR(pooled[i], features[i], 1e-4 * (1 + std::fabs(features[i]))) << info.name;
  }
}

TEST(Readout, IsALinearFunctionOfMeansAndMaxima) {
  ReadoutModel model(make_model("cifar_resnet20", {.num_classes = 5}), 3);
  model.eval();
  EXPECT_EQ(model.statistic_count(), 2 * (3 + 16 + 16 + 32 + 64));
  const NoGrad no_grad;
  const Tensor x = pixels({2, 3, 32, 32});
  for (float v : model(x).to_vector<float>()) EXPECT_EQ(v, 0);  // no weights yet

  const std::int64_t d = model.statistic_count();
  model.weight.detach().copy_from(pixels({3, d}));
  model.bias.detach().copy_from(pixels({3}));
  model.center.copy_from(pixels({d}));
  model.scale.fill(2);
  const auto z = model.statistics(x).to_vector<float>(), w = model.weight.to_vector<float>(),
             b = model.bias.to_vector<float>(), c = model.center.to_vector<float>(),
             y = model(x).to_vector<float>();
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t k = 0; k < 3; ++k) {
      double sum = static_cast<double>(b[k]);
      for (std::size_t i = 0; i < static_cast<std::size_t>(d); ++i)
        sum += 2 * static_cast<double>((z[n * static_cast<std::size_t>(d) + i] - c[i]) *
                                       w[k * static_cast<std::size_t>(d) + i]);
      EXPECT_NEAR(y[n * 3 + k], sum, 1e-3 * (1 + std::fabs(sum)));
    }
  // First the mean and the largest value of the picture's channels, then those of the first map.
  EXPECT_NEAR(z[0], ops::mean(x, {2, 3}).to_vector<float>()[0], 1e-6);
  const Tensor map = model.trunk().stages(ops::channels_last(x)).front();
  EXPECT_NEAR(z[6], ops::mean(map, {2, 3}).to_vector<float>()[0], 1e-6);
  EXPECT_EQ(z[6 + 16], ops::amax(map, {2, 3}).to_vector<float>()[0]);
}

TEST(BuiltinWeights, FitTheirModelInColourAndGrey) {
  ASSERT_TRUE(has_builtin_weights("resnet18_slim"));
  const TensorMap weights = builtin_weights("resnet18_slim");
  for (std::int64_t channels : {3, 1}) {
    const auto model = make_model("resnet18_slim", {.num_classes = 4, .in_channels = channels});
    const PretrainedReport report = load_pretrained(*model, weights, "builtin");
    EXPECT_TRUE(report.missing.empty());
    EXPECT_EQ(report.replaced.size(), 2u);                      // the classifier's weight and bias
    EXPECT_EQ(report.adapted.size(), channels == 1 ? 0u : 1u);  // they are of grey pictures
    model->eval();
    const NoGrad no_grad;
    // Different pictures have different features: it has learnt something.
    const Tensor f = model->features(ops::channels_last(pixels({2, channels, 64, 64})));
    const auto v = f.to_vector<float>();
    double apart = 0;
    for (std::size_t i = 0; i < v.size() / 2; ++i) apart += std::fabs(v[i] - v[v.size() / 2 + i]);
    EXPECT_GT(apart, 0.01);
  }
}

TEST(BuiltinWeights, OfOtherModelsAreRefused) {
  EXPECT_FALSE(has_builtin_weights("resnet50"));
  EXPECT_THROW(builtin_weights("resnet50"), ValueError);
}

}  // namespace
}  // namespace athanor::vision
