#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "athanor/base/error.hpp"
#include "athanor/nn/module.hpp"

namespace athanor::vision {

struct ModelOptions {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  std::uint64_t seed = 0;  ///< of the initial values
  double dropout = -1;     ///< before the classifier; negative: the model's own default
  std::int64_t width = 0;  ///< small_cnn only: channels of the first layer; 0: 32
};

/// A classifier of pictures [N, C, H, W]: a trunk that makes features [N, D], and a head that makes
/// logits [N, classes] of them. The input is brought to NHWC memory once.
class ImageModel : public nn::Module {
 public:
  ImageModel(std::string name, ModelOptions options)
      : name_(std::move(name)), options_(std::move(options)) {}

  Tensor forward(const Tensor& x) final;
  /// x: [N, C, H, W] -> [N, feature_count()], before dropout and classifier.
  virtual Tensor features(const Tensor& x) = 0;
  /// Features -> logits.
  virtual Tensor classify(const Tensor& features) = 0;
  virtual std::int64_t feature_count() const = 0;
  /// x: [N, C, H, W] -> feature maps [N, D, H, W] of growing depth. The default is features()
  /// alone, as a map of one place.
  virtual TensorList stages(const Tensor& x);
  /// Channels of each map that stages() gives.
  virtual std::vector<std::int64_t> stage_widths() const { return {feature_count()}; }
  /// Names of the parameters whose shape depends on the number of classes.
  virtual std::vector<std::string> classifier_names() const = 0;
  /// Name of the weight whose shape depends on the number of input channels.
  virtual std::string stem_name() const = 0;

  std::string describe() const override { return name_; }
  /// The name in the registry.
  const std::string& name() const { return name_; }
  const ModelOptions& options() const { return options_; }

 private:
  std::string name_;
  ModelOptions options_;
};

/// A line of the list of models.
struct ModelInfo {
  std::string name;
  Text doc;
  std::int64_t input_size;      ///< height and width it was made for
  std::int64_t min_input_size;  ///< the smallest that still works
  double parameters;            ///< millions, with the usual number of classes
};

/// All models that make_model() knows.
std::span<const ModelInfo> model_list();
/// Null for an unknown name.
const ModelInfo* find_model(const std::string& name);

/// A model with initial values by options.seed. Throws ValueError, with the list of names, for an
/// unknown one, and for options out of range.
std::unique_ptr<ImageModel> make_model(const std::string& name, const ModelOptions& options = {});

}  // namespace athanor::vision
