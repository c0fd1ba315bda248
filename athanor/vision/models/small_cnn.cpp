#include "athanor/nn/batch_norm.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/vision/models/makers.hpp"

namespace athanor::vision {

namespace {

using nn::BatchNorm2d;
using nn::Conv2d;

// 3x3 convolution, normalisation, ReLU.
class ConvBlock final : public nn::Module {
 public:
  ConvBlock(std::int64_t in, std::int64_t out)
      : conv_(make_child<Conv2d>("conv", in, out, 3, nn::ConvOptions{.padding = {1, 1}})),
        norm_(make_child<BatchNorm2d>("norm", out, nn::BatchNormOptions{.activation = "relu"})) {}
  Tensor forward(const Tensor& x) override { return norm_(conv_(x)); }
  std::string describe() const override { return "ConvBlock()"; }

 private:
  Conv2d& conv_;
  BatchNorm2d& norm_;
};

// x + two ConvBlocks.
class Residual final : public nn::Module {
 public:
  explicit Residual(std::int64_t channels)
      : first_(make_child<ConvBlock>("first", channels, channels)),
        second_(make_child<ConvBlock>("second", channels, channels)) {}
  Tensor forward(const Tensor& x) override { return ops::add(x, second_(first_(x))); }
  std::string describe() const override { return "Residual()"; }

 private:
  ConvBlock& first_;
  ConvBlock& second_;
};

// The nine-layer residual net that won the training-time contest of DAWNBench 2018 (D. Page), with
// the mean beside the maximum in the last pooling, so that any picture size works.
class SmallCnn final : public ImageModel {
 public:
  SmallCnn(const std::string& name, const ModelOptions& options)
      : ImageModel(name, options),
        width_(options.width ? options.width : 32),
        stem_(make_child<ConvBlock>("stem", options.in_channels, width_)),
        stage1_(make_child<ConvBlock>("stage1", width_, 2 * width_)),
        residual1_(make_child<Residual>("residual1", 2 * width_)),
        stage2_(make_child<ConvBlock>("stage2", 2 * width_, 4 * width_)),
        stage3_(make_child<ConvBlock>("stage3", 4 * width_, 8 * width_)),
        residual3_(make_child<Residual>("residual3", 8 * width_)),
        pool_(make_child<nn::MaxPool2d>("pool")),
        dropout_(make_child<nn::Dropout>("dropout", options.dropout < 0 ? 0.1 : options.dropout)),
        classifier_(make_child<nn::Linear>("classifier", feature_count(), options.num_classes)) {}

  Tensor features(const Tensor& x) override {
    Tensor y = residual1_(pool_(stage1_(stem_(x))));
    y = pool_(stage2_(y));
    y = residual3_(pool_(stage3_(y)));
    const Tensor both[] = {ops::mean(y, {2, 3}), ops::amax(y, {2, 3})};
    return ops::concat(both, 1);
  }
  Tensor classify(const Tensor& features) override { return classifier_(dropout_(features)); }
  std::int64_t feature_count() const override { return 16 * width_; }
  std::vector<std::string> classifier_names() const override {
    return {"classifier.weight", "classifier.bias"};
  }
  std::string stem_name() const override { return "stem.conv.weight"; }

 private:
  std::int64_t width_;
  ConvBlock& stem_;
  ConvBlock& stage1_;
  Residual& residual1_;
  ConvBlock& stage2_;
  ConvBlock& stage3_;
  Residual& residual3_;
  nn::MaxPool2d& pool_;
  nn::Dropout& dropout_;
  nn::Linear& classifier_;
};

}  // namespace

std::unique_ptr<ImageModel> make_small_cnn(const std::string& name, const ModelOptions& options) {
  return std::make_unique<SmallCnn>(name, options);
}

}  // namespace athanor::vision
