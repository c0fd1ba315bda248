#pragma once

#include <vector>

#include "athanor/nn/transformer.hpp"

namespace athanor::vision {

struct VitOptions {
  std::int64_t image = 224;  ///< height and width of the pictures
  std::int64_t patch = 16;
  std::int64_t channels = 3;
  std::int64_t width = 192;  ///< the sizes of ViT-Tiny
  std::int64_t layers = 12;
  std::int64_t heads = 3;
  std::int64_t hidden = 0;  ///< of the feed-forward nets; 0: 4 width
  std::int64_t classes = 1000;
  double dropout = 0;
  double epsilon = 1e-6;
};

/// A vision transformer (Dosovitskiy et al. 2021): patches, a class token, learned positions, norms
/// before each part.
class Vit final : public nn::Module {
 public:
  explicit Vit(VitOptions options);
  /// [N, C, image, image] -> [N, classes]. Throws ShapeError for another size.
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;
  const VitOptions& options() const { return options_; }

 protected:
  void reset(const nn::InitScope& scope) override;

 private:
  class Block;
  VitOptions options_;
  Tensor class_token_, positions_;
  nn::Conv2d* patches_;
  nn::Dropout* dropout_;
  std::vector<Block*> blocks_;
  nn::LayerNorm* norm_;
  nn::Linear* head_;
};

/// Weights of timm's, torchvision's or Hugging Face's ViT files under the names of Vit.
TensorMap vit_weights(const TensorMap& file);

}  // namespace athanor::vision
