#include <span>

#include "athanor/nn/batch_norm.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/vision/models/makers.hpp"

// Howard et al. 2019, tables 1 and 2. Parameter names are torchvision's.
namespace athanor::vision {

namespace {

using nn::Activation;
using nn::ActivationKind;
using nn::BatchNorm2d;
using nn::BatchNormOptions;
using nn::Conv2d;
using nn::ConvOptions;
using nn::Sequential;

enum class Act { none, relu, hardswish };

std::unique_ptr<Sequential> conv_norm(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                      std::int64_t stride, std::int64_t groups, Act act) {
  auto layers = std::make_unique<Sequential>();
  const std::int64_t padding = (kernel - 1) / 2;
  layers->emplace<Conv2d>(
      in, out, kernel,
      ConvOptions{.stride = {stride, stride}, .padding = {padding, padding}, .groups = groups});
  layers->emplace<BatchNorm2d>(
      out,
      BatchNormOptions{
          .epsilon = 1e-3, .momentum = 0.01, .activation = act == Act::relu ? "relu" : "none"});
  if (act == Act::hardswish) layers->emplace<Activation>(ActivationKind::hardswish);
  return layers;
}

// The nearest multiple of 8 that is not more than 10 % below.
std::int64_t multiple_of_8(std::int64_t value) {
  std::int64_t rounded = std::max<std::int64_t>(8, (value + 4) / 8 * 8);
  if (rounded * 10 < value * 9) rounded += 8;
  return rounded;
}

// Channel attention (Hu et al. 2018), with a hard sigmoid.
class SqueezeExcitation final : public nn::Module {
 public:
  explicit SqueezeExcitation(std::int64_t channels)
      : fc1_(make_child<Conv2d>("fc1", channels, multiple_of_8(channels / 4), 1,
                                ConvOptions{.bias = true})),
        fc2_(make_child<Conv2d>("fc2", multiple_of_8(channels / 4), channels, 1,
                                ConvOptions{.bias = true})) {}
  Tensor forward(const Tensor& x) override {
    const Tensor squeezed = ops::relu(fc1_(ops::global_avg_pool2d(x)));
    return ops::mul(x, ops::hardsigmoid(fc2_(squeezed)));
  }
  std::string describe() const override { return "SqueezeExcitation()"; }

 private:
  Conv2d& fc1_;
  Conv2d& fc2_;
};

struct Bneck {
  std::int64_t in, kernel, expanded, out;
  bool squeeze;
  Act act;
  std::int64_t stride;
};

class InvertedResidual final : public nn::Module {
 public:
  explicit InvertedResidual(const Bneck& b)
      : residual_(b.stride == 1 && b.in == b.out), block_(make_child<Sequential>("block")) {
    if (b.expanded != b.in) block_.add(conv_norm(b.in, b.expanded, 1, 1, 1, b.act));
    block_.add(conv_norm(b.expanded, b.expanded, b.kernel, b.stride, b.expanded, b.act));
    if (b.squeeze) block_.emplace<SqueezeExcitation>(b.expanded);
    block_.add(conv_norm(b.expanded, b.out, 1, 1, 1, Act::none));
  }
  Tensor forward(const Tensor& x) override {
    const Tensor y = block_(x);
    return residual_ ? ops::add(x, y) : y;
  }
  std::string describe() const override { return "InvertedResidual()"; }

 private:
  bool residual_;
  Sequential& block_;
};

constexpr Act kRe = Act::relu, kHs = Act::hardswish;
constexpr Bneck kSmall[] = {
    {16, 3, 16, 16, true, kRe, 2},  {16, 3, 72, 24, false, kRe, 2}, {24, 3, 88, 24, false, kRe, 1},
    {24, 5, 96, 40, true, kHs, 2},  {40, 5, 240, 40, true, kHs, 1}, {40, 5, 240, 40, true, kHs, 1},
    {40, 5, 120, 48, true, kHs, 1}, {48, 5, 144, 48, true, kHs, 1}, {48, 5, 288, 96, true, kHs, 2},
    {96, 5, 576, 96, true, kHs, 1}, {96, 5, 576, 96, true, kHs, 1}};
constexpr Bneck kLarge[] = {{16, 3, 16, 16, false, kRe, 1},   {16, 3, 64, 24, false, kRe, 2},
                            {24, 3, 72, 24, false, kRe, 1},   {24, 5, 72, 40, true, kRe, 2},
                            {40, 5, 120, 40, true, kRe, 1},   {40, 5, 120, 40, true, kRe, 1},
                            {40, 3, 240, 80, false, kHs, 2},  {80, 3, 200, 80, false, kHs, 1},
                            {80, 3, 184, 80, false, kHs, 1},  {80, 3, 184, 80, false, kHs, 1},
                            {80, 3, 480, 112, true, kHs, 1},  {112, 3, 672, 112, true, kHs, 1},
                            {112, 5, 672, 160, true, kHs, 2}, {160, 5, 960, 160, true, kHs, 1},
                            {160, 5, 960, 160, true, kHs, 1}};

class MobileNetV3 final : public ImageModel {
 public:
  MobileNetV3(const std::string& name, const ModelOptions& options, std::span<const Bneck> necks,
              std::int64_t last_channels)
      : ImageModel(name, options),
        feature_count_(6 * necks.back().out),
        features_(make_child<Sequential>("features")) {
    features_.add(conv_norm(options.in_channels, necks[0].in, 3, 2, 1, kHs));
    for (const Bneck& neck : necks) features_.emplace<InvertedResidual>(neck);
    features_.add(conv_norm(necks.back().out, feature_count_, 1, 1, 1, kHs));
    pool_ = &make_child<nn::GlobalAvgPool>("avgpool");
    classifier_ = &make_child<Sequential>("classifier");
    first_ = &classifier_->emplace<nn::Linear>(feature_count_, last_channels);
    classifier_->emplace<Activation>(ActivationKind::hardswish);
    classifier_->emplace<nn::Dropout>(options.dropout < 0 ? 0.2 : options.dropout);
    last_ = &classifier_->emplace<nn::Linear>(last_channels, options.num_classes);
  }

  Tensor features(const Tensor& x) override { return (*pool_)(features_(x)); }
  Tensor classify(const Tensor& features) override { return (*classifier_)(features); }
  std::int64_t feature_count() const override { return feature_count_; }
  std::vector<std::string> classifier_names() const override {
    return {"classifier.3.weight", "classifier.3.bias"};
  }
  std::string stem_name() const override { return "features.0.0.weight"; }

 protected:
  void reset(const nn::InitScope& scope) override {
    nn::normal(first_->weight, scope, "classifier.0.weight", 0, 0.01);
    nn::constant(first_->bias, 0);
    nn::normal(last_->weight, scope, "classifier.3.weight", 0, 0.01);
    nn::constant(last_->bias, 0);
  }

 private:
  std::int64_t feature_count_;
  Sequential& features_;
  nn::GlobalAvgPool* pool_ = nullptr;
  Sequential* classifier_ = nullptr;
  nn::Linear* first_ = nullptr;
  nn::Linear* last_ = nullptr;
};

}  // namespace

std::unique_ptr<ImageModel> make_mobilenet_v3(const std::string& name,
                                              const ModelOptions& options) {
  const bool small = name == "mobilenet_v3_small";
  return std::make_unique<MobileNetV3>(
      name, options, small ? std::span<const Bneck>(kSmall) : std::span<const Bneck>(kLarge),
      small ? 1024 : 1280);
}

}  // namespace athanor::vision
