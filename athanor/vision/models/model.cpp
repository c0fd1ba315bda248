#include "athanor/vision/models/model.hpp"

#include <fmt/ranges.h>

#include "athanor/ops/ops.hpp"
#include "athanor/vision/models/makers.hpp"

namespace athanor::vision {

namespace {

struct Entry {
  ModelInfo info;
  std::unique_ptr<ImageModel> (*make)(const std::string&, const ModelOptions&);
};

const std::vector<ModelInfo>& infos();

const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      {{"small_cnn",
        {"Nine-layer residual net for small pictures (28 to 64 pixels)",
         "面向小图（28 至 64 像素）的九层残差网络"},
        32,
        16,
        1.65},
       make_small_cnn},
      {{"resnet18_slim",
        {"ResNet-18 with half the channels, for training from few pictures without pretraining",
         "通道减半的 ResNet-18，适合少量图片、无预训练的训练"},
        144,
        32,
        2.80},
       make_resnet},
      {{"resnet18",
        {"ResNet-18 (He et al. 2016), torchvision's form",
         "ResNet-18（He 等，2016），torchvision 结构"},
        224,
        32,
        11.69},
       make_resnet},
      {{"resnet34",
        {"ResNet-34 (He et al. 2016), torchvision's form",
         "ResNet-34（He 等，2016），torchvision 结构"},
        224,
        32,
        21.80},
       make_resnet},
      {{"resnet50",
        {"ResNet-50 (He et al. 2016; stride in the 3x3), torchvision's form",
         "ResNet-50（He 等，2016；步幅在 3x3 卷积），torchvision 结构"},
        224,
        32,
        25.56},
       make_resnet},
      {{"cifar_resnet20",
        {"ResNet-20 for 32 pixel pictures (He et al. 2016, section 4.2; shortcut A)",
         "32 像素小图用 ResNet-20（He 等，2016，4.2 节；A 型捷径）"},
        32,
        8,
        0.27},
       make_cifar_resnet},
      {{"cifar_resnet32",
        {"ResNet-32 for 32 pixel pictures (shortcut A)", "32 像素小图用 ResNet-32（A 型捷径）"},
        32,
        8,
        0.46},
       make_cifar_resnet},
      {{"cifar_resnet44",
        {"ResNet-44 for 32 pixel pictures (shortcut A)", "32 像素小图用 ResNet-44（A 型捷径）"},
        32,
        8,
        0.66},
       make_cifar_resnet},
      {{"cifar_resnet56",
        {"ResNet-56 for 32 pixel pictures (shortcut A)", "32 像素小图用 ResNet-56（A 型捷径）"},
        32,
        8,
        0.85},
       make_cifar_resnet},
      {{"mobilenet_v2",
        {"MobileNetV2 (Sandler et al. 2018), torchvision's form",
         "MobileNetV2（Sandler 等，2018），torchvision 结构"},
        224,
        32,
        3.50},
       make_mobilenet_v2},
      {{"mobilenet_v3_small",
        {"MobileNetV3 small (Howard et al. 2019), torchvision's form",
         "MobileNetV3 small（Howard 等，2019），torchvision 结构"},
        224,
        32,
        2.54},
       make_mobilenet_v3},
      {{"mobilenet_v3_large",
        {"MobileNetV3 large (Howard et al. 2019), torchvision's form",
         "MobileNetV3 large（Howard 等，2019），torchvision 结构"},
        224,
        32,
        5.48},
       make_mobilenet_v3},
  };
  return list;
}

const std::vector<ModelInfo>& infos() {
  static const std::vector<ModelInfo> list = [] {
    std::vector<ModelInfo> out;
    for (const Entry& entry : entries()) out.push_back(entry.info);
    return out;
  }();
  return list;
}

}  // namespace

Tensor ImageModel::forward(const Tensor& x) {
  require<ShapeError>(x.rank() == 4 && x.shape()[1] == options_.in_channels,
                      "{}: input must be [N,{},H,W], not {}", name_, options_.in_channels,
                      athanor::describe(x));
  return classify(features(ops::channels_last(x)));
}

TensorList ImageModel::stages(const Tensor& x) {
  return {ops::reshape(features(x), {x.dim(0), feature_count(), 1, 1})};
}

std::span<const ModelInfo> model_list() { return infos(); }

const ModelInfo* find_model(const std::string& name) {
  for (const ModelInfo& info : infos())
    if (info.name == name) return &info;
  return nullptr;
}

std::unique_ptr<ImageModel> make_model(const std::string& name, const ModelOptions& options) {
  require(options.num_classes >= 1 && options.num_classes <= 1'000'000,
          "{}: num_classes must be between 1 and 1000000, not {}", name, options.num_classes);
  require(options.in_channels >= 1 && options.in_channels <= 1024,
          "{}: in_channels must be between 1 and 1024, not {}", name, options.in_channels);
  require(options.dropout < 1, "{}: dropout must be below 1, not {}", name, options.dropout);
  require(options.width >= 0 && options.width <= 1024,
          "{}: width must be between 1 and 1024, not {}", name, options.width);
  for (const Entry& entry : entries()) {
    if (entry.info.name != name) continue;
    auto model = entry.make(name, options);
    model->initialize(options.seed);
    return model;
  }
  std::vector<std::string> names;
  for (const ModelInfo& info : infos()) names.push_back(info.name);
  throw ValueError(fmt::format("there is no model '{}'; known: {}", name, fmt::join(names, ", ")));
}

}  // namespace athanor::vision
