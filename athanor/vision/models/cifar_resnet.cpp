#include <array>

#include "athanor/nn/batch_norm.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/vision/models/makers.hpp"

// He et al. 2016, section 4.2: three stages of n blocks with 16, 32 and 64 channels; depth 6n + 2.
// Parameter names are those of akamaster/pytorch_resnet_cifar10, whose trained weights are public.
namespace athanor::vision {

namespace {

using nn::BatchNorm2d;
using nn::BatchNormOptions;
using nn::Conv2d;
using nn::ConvOptions;

class Block final : public nn::Module {
 public:
  Block(std::int64_t in, std::int64_t out, std::int64_t stride)
      : added_((out - in) / 2),
        stride_(stride),
        conv1_(make_child<Conv2d>("conv1", in, out, 3,
                                  ConvOptions{.stride = {stride, stride}, .padding = {1, 1}})),
        bn1_(make_child<BatchNorm2d>("bn1", out, BatchNormOptions{.activation = "relu"})),
        conv2_(make_child<Conv2d>("conv2", out, out, 3, ConvOptions{.padding = {1, 1}})),
        bn2_(make_child<BatchNorm2d>("bn2", out)) {}

  Tensor forward(const Tensor& x) override {
    return ops::relu(ops::add(bn2_(conv2_(bn1_(conv1_(x)))), shortcut(x)));
  }
  std::string describe() const override { return "Block()"; }

 protected:
  void reset(const nn::InitScope&) override { nn::constant(bn2_.weight, 0); }

 private:
  // Shortcut A: every second pixel, zeros for the new channels, no parameters.
  Tensor shortcut(const Tensor& x) const {
    if (stride_ == 1 && added_ == 0) return x;
    const Tensor rows = ops::slice(x, 2, 0, x.shape()[2], stride_);
    const Tensor picked = ops::slice(rows, 3, 0, x.shape()[3], stride_);
    return ops::pad(picked, {0, added_, 0, 0}, {0, added_, 0, 0});
  }
  std::int64_t added_;
  std::int64_t stride_;
  Conv2d& conv1_;
  BatchNorm2d& bn1_;
  Conv2d& conv2_;
  BatchNorm2d& bn2_;
};

class CifarResNet final : public ImageModel {
 public:
  CifarResNet(const std::string& name, const ModelOptions& options, int blocks)
      : ImageModel(name, options),
        conv1_(make_child<Conv2d>("conv1", options.in_channels, 16, 3,
                                  ConvOptions{.padding = {1, 1}})),
        bn1_(make_child<BatchNorm2d>("bn1", 16, BatchNormOptions{.activation = "relu"})) {
    std::int64_t in = 16;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const std::int64_t width = std::int64_t{16} << i;
      layers_[i] = &make_child<nn::Sequential>(fmt::format("layer{}", i + 1));
      for (int k = 0; k < blocks; ++k) {
        layers_[i]->emplace<Block>(in, width, k == 0 && i > 0 ? 2 : 1);
        in = width;
      }
    }
    pool_ = &make_child<nn::GlobalAvgPool>("pool");
    dropout_ = &make_child<nn::Dropout>("dropout", options.dropout < 0 ? 0 : options.dropout);
    linear_ = &make_child<nn::Linear>("linear", in, options.num_classes);
  }

  Tensor features(const Tensor& x) override { return (*pool_)(stages(x).back()); }
  TensorList stages(const Tensor& x) override {
    TensorList maps{bn1_(conv1_(x))};
    for (nn::Sequential* layer : layers_) maps.push_back((*layer)(maps.back()));
    return maps;
  }
  std::vector<std::int64_t> stage_widths() const override { return {16, 16, 32, 64}; }
  Tensor classify(const Tensor& features) override { return (*linear_)((*dropout_)(features)); }
  std::int64_t feature_count() const override { return 64; }
  std::vector<std::string> classifier_names() const override {
    return {"linear.weight", "linear.bias"};
  }
  std::string stem_name() const override { return "conv1.weight"; }

 private:
  Conv2d& conv1_;
  BatchNorm2d& bn1_;
  std::array<nn::Sequential*, 3> layers_{};
  nn::GlobalAvgPool* pool_ = nullptr;
  nn::Dropout* dropout_ = nullptr;
  nn::Linear* linear_ = nullptr;
};

}  // namespace

std::unique_ptr<ImageModel> make_cifar_resnet(const std::string& name,
                                              const ModelOptions& options) {
  const int depth = std::stoi(name.substr(name.size() - 2));
  return std::make_unique<CifarResNet>(name, options, (depth - 2) / 6);
}

}  // namespace athanor::vision
