#include "athanor/nn/batch_norm.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/vision/models/makers.hpp"

// Sandler et al. 2018, table 2. Parameter names are torchvision's.
namespace athanor::vision {

namespace {

using nn::BatchNorm2d;
using nn::BatchNormOptions;
using nn::Conv2d;
using nn::ConvOptions;
using nn::Sequential;

// Convolution, normalisation, ReLU6.
std::unique_ptr<Sequential> conv_norm(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                      std::int64_t stride, std::int64_t groups) {
  auto layers = std::make_unique<Sequential>();
  const std::int64_t padding = (kernel - 1) / 2;
  layers->emplace<Conv2d>(
      in, out, kernel,
      ConvOptions{.stride = {stride, stride}, .padding = {padding, padding}, .groups = groups});
  layers->emplace<BatchNorm2d>(out, BatchNormOptions{.activation = "relu6"});
  return layers;
}

class InvertedResidual final : public nn::Module {
 public:
  InvertedResidual(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t expand)
      : residual_(stride == 1 && in == out), conv_(make_child<Sequential>("conv")) {
    const std::int64_t hidden = in * expand;
    if (expand != 1) conv_.add(conv_norm(in, hidden, 1, 1, 1));
    conv_.add(conv_norm(hidden, hidden, 3, stride, hidden));
    conv_.emplace<Conv2d>(hidden, out, 1);
    conv_.emplace<BatchNorm2d>(out);
  }
  Tensor forward(const Tensor& x) override {
    const Tensor y = conv_(x);
    return residual_ ? ops::add(x, y) : y;
  }
  std::string describe() const override { return "InvertedResidual()"; }

 private:
  bool residual_;
  Sequential& conv_;
};

class MobileNetV2 final : public ImageModel {
 public:
  MobileNetV2(const std::string& name, const ModelOptions& options)
      : ImageModel(name, options), features_(make_child<Sequential>("features")) {
    struct Stage {
      std::int64_t expand, channels, count, stride;
    };
    constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    std::int64_t in = 32;
    features_.add(conv_norm(options.in_channels, in, 3, 2, 1));
    for (const Stage& stage : stages)
      for (std::int64_t k = 0; k < stage.count; ++k) {
        features_.emplace<InvertedResidual>(in, stage.channels, k == 0 ? stage.stride : 1,
                                            stage.expand);
        in = stage.channels;
      }
    features_.add(conv_norm(in, feature_count(), 1, 1, 1));
    pool_ = &make_child<nn::GlobalAvgPool>("pool");
    classifier_ = &make_child<Sequential>("classifier");
    classifier_->emplace<nn::Dropout>(options.dropout < 0 ? 0.2 : options.dropout);
    last_ = &classifier_->emplace<nn::Linear>(feature_count(), options.num_classes);
  }

  Tensor features(const Tensor& x) override { return (*pool_)(features_(x)); }
  Tensor classify(const Tensor& features) override { return (*classifier_)(features); }
  std::int64_t feature_count() const override { return 1280; }
  std::vector<std::string> classifier_names() const override {
    return {"classifier.1.weight", "classifier.1.bias"};
  }
  std::string stem_name() const override { return "features.0.0.weight"; }

 protected:
  void reset(const nn::InitScope& scope) override {
    nn::normal(last_->weight, scope, "classifier.1.weight", 0, 0.01);
    nn::constant(last_->bias, 0);
  }

 private:
  Sequential& features_;
  nn::GlobalAvgPool* pool_ = nullptr;
  Sequential* classifier_ = nullptr;
  nn::Linear* last_ = nullptr;
};

}  // namespace

std::unique_ptr<ImageModel> make_mobilenet_v2(const std::string& name,
                                              const ModelOptions& options) {
  return std::make_unique<MobileNetV2>(name, options);
}

}  // namespace athanor::vision
