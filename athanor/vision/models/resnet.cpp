#include <array>

#include "athanor/nn/batch_norm.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/vision/models/makers.hpp"

namespace athanor::vision {

namespace {

using nn::BatchNorm2d;
using nn::BatchNormOptions;
using nn::Conv2d;
using nn::ConvOptions;
using nn::Sequential;

ConvOptions conv3(std::int64_t stride) { return {.stride = {stride, stride}, .padding = {1, 1}}; }
ConvOptions conv1(std::int64_t stride) { return {.stride = {stride, stride}}; }

// A residual branch and its shortcut. The last normalisation of a branch begins at 0, so that a new
// net is a chain of identities (Goyal et al. 2017, section 5.1).
class Block : public nn::Module {
 public:
  Tensor forward(const Tensor& x) final {
    return ops::relu(ops::add(branch(x), downsample_ ? (*downsample_)(x) : x));
  }

 protected:
  virtual Tensor branch(const Tensor& x) = 0;
  void make_shortcut(std::int64_t in, std::int64_t out, std::int64_t stride) {
    if (stride == 1 && in == out) return;
    downsample_ = &make_child<Sequential>("downsample");
    downsample_->emplace<Conv2d>(in, out, 1, conv1(stride));
    downsample_->emplace<BatchNorm2d>(out);
  }

 private:
  Sequential* downsample_ = nullptr;
};

class BasicBlock final : public Block {
 public:
  static constexpr std::int64_t kExpansion = 1;
  BasicBlock(std::int64_t in, std::int64_t width, std::int64_t stride)
      : conv1_(make_child<Conv2d>("conv1", in, width, 3, conv3(stride))),
        bn1_(make_child<BatchNorm2d>("bn1", width, BatchNormOptions{.activation = "relu"})),
        conv2_(make_child<Conv2d>("conv2", width, width, 3, conv3(1))),
        bn2_(make_child<BatchNorm2d>("bn2", width)) {
    make_shortcut(in, width, stride);
  }
  std::string describe() const override { return "BasicBlock()"; }

 protected:
  Tensor branch(const Tensor& x) override { return bn2_(conv2_(bn1_(conv1_(x)))); }
  void reset(const nn::InitScope&) override { nn::constant(bn2_.weight, 0); }

 private:
  Conv2d& conv1_;
  BatchNorm2d& bn1_;
  Conv2d& conv2_;
  BatchNorm2d& bn2_;
};

class Bottleneck final : public Block {
 public:
  static constexpr std::int64_t kExpansion = 4;
  Bottleneck(std::int64_t in, std::int64_t width, std::int64_t stride)
      : conv1_(make_child<Conv2d>("conv1", in, width, 1)),
        bn1_(make_child<BatchNorm2d>("bn1", width, BatchNormOptions{.activation = "relu"})),
        conv2_(make_child<Conv2d>("conv2", width, width, 3, conv3(stride))),
        bn2_(make_child<BatchNorm2d>("bn2", width, BatchNormOptions{.activation = "relu"})),
        conv3_(make_child<Conv2d>("conv3", width, width * kExpansion, 1)),
        bn3_(make_child<BatchNorm2d>("bn3", width * kExpansion)) {
    make_shortcut(in, width * kExpansion, stride);
  }
  std::string describe() const override { return "Bottleneck()"; }

 protected:
  Tensor branch(const Tensor& x) override { return bn3_(conv3_(bn2_(conv2_(bn1_(conv1_(x)))))); }
  void reset(const nn::InitScope&) override { nn::constant(bn3_.weight, 0); }

 private:
  Conv2d& conv1_;
  BatchNorm2d& bn1_;
  Conv2d& conv2_;
  BatchNorm2d& bn2_;
  Conv2d& conv3_;
  BatchNorm2d& bn3_;
};

template <class B>
class ResNet final : public ImageModel {
 public:
  ResNet(const std::string& name, const ModelOptions& options, std::array<int, 4> depths,
         std::int64_t base = 64)
      : ImageModel(name, options),
        base_(base),
        conv1_(make_child<Conv2d>("conv1", options.in_channels, base, 7,
                                  ConvOptions{.stride = {2, 2}, .padding = {3, 3}})),
        bn1_(make_child<BatchNorm2d>("bn1", base, BatchNormOptions{.activation = "relu"})),
        maxpool_(make_child<nn::MaxPool2d>(
            "maxpool", nn::PoolOptions{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}})) {
    std::int64_t in = base;
    for (std::size_t i = 0; i < depths.size(); ++i) {
      const std::int64_t width = base << i;
      layers_[i] = &make_child<Sequential>(fmt::format("layer{}", i + 1));
      for (int k = 0; k < depths[i]; ++k) {
        layers_[i]->template emplace<B>(in, width, k == 0 && i > 0 ? 2 : 1);
        in = width * B::kExpansion;
      }
    }
    avgpool_ = &make_child<nn::GlobalAvgPool>("avgpool");
    dropout_ = &make_child<nn::Dropout>("dropout", options.dropout < 0 ? 0 : options.dropout);
    fc_ = &make_child<nn::Linear>("fc", in, options.num_classes);
  }

  Tensor features(const Tensor& x) override { return (*avgpool_)(stages(x).back()); }
  TensorList stages(const Tensor& x) override {
    TensorList maps{bn1_(conv1_(x))};
    Tensor y = maxpool_(maps.front());
    for (Sequential* layer : layers_) maps.push_back(y = (*layer)(y));
    return maps;
  }
  std::vector<std::int64_t> stage_widths() const override {
    std::vector<std::int64_t> widths{base_};
    for (int i = 0; i < 4; ++i) widths.push_back((base_ << i) * B::kExpansion);
    return widths;
  }
  Tensor classify(const Tensor& features) override { return (*fc_)((*dropout_)(features)); }
  std::int64_t feature_count() const override { return 8 * base_ * B::kExpansion; }
  std::vector<std::string> classifier_names() const override { return {"fc.weight", "fc.bias"}; }
  std::string stem_name() const override { return "conv1.weight"; }

 private:
  std::int64_t base_;
  Conv2d& conv1_;
  BatchNorm2d& bn1_;
  nn::MaxPool2d& maxpool_;
  std::array<Sequential*, 4> layers_{};
  nn::GlobalAvgPool* avgpool_ = nullptr;
  nn::Dropout* dropout_ = nullptr;
  nn::Linear* fc_ = nullptr;
};

}  // namespace

std::unique_ptr<ImageModel> make_resnet(const std::string& name, const ModelOptions& options) {
  if (name == "resnet18_slim")
    return std::make_unique<ResNet<BasicBlock>>(name, options, std::array{2, 2, 2, 2}, 32);
  if (name == "resnet18")
    return std::make_unique<ResNet<BasicBlock>>(name, options, std::array{2, 2, 2, 2});
  if (name == "resnet34")
    return std::make_unique<ResNet<BasicBlock>>(name, options, std::array{3, 4, 6, 3});
  return std::make_unique<ResNet<Bottleneck>>(name, options, std::array{3, 4, 6, 3});
}

}  // namespace athanor::vision
