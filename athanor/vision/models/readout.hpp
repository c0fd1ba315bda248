#pragma once

#include <memory>

#include "athanor/vision/models/model.hpp"

namespace athanor::vision {

/// A linear classifier on the statistics of a network that is not trained further: mean and maximum
/// over the places of the picture (its light and colour) and of each of the trunk's stages,
/// standardised. What edges, textures and shapes a
/// picture has, at all depths, regardless of where: little to learn, so little data is enough
/// (compare Zeiler and Fergus 2014; Kornblith et al. 2019, "Do better ImageNet models transfer
/// better?", on linear classifiers over fixed features).
class ReadoutModel final : public nn::Module {
 public:
  explicit ReadoutModel(std::unique_ptr<ImageModel> trunk, std::int64_t classes);

  /// [N, C, H, W] -> logits [N, classes].
  Tensor forward(const Tensor& x) override;
  /// [N, C, H, W] -> the statistics [N, statistic_count()], not standardised.
  Tensor statistics(const Tensor& x);
  std::int64_t statistic_count() const { return statistics_; }
  std::string describe() const override;
  ImageModel& trunk() { return *trunk_; }

  Tensor center;  ///< [D] buffer: subtracted from the statistics
  Tensor scale;   ///< [D] buffer: then multiplied
  Tensor weight;  ///< [classes, D]
  Tensor bias;    ///< [classes]

 private:
  ImageModel* trunk_;
  std::int64_t statistics_ = 0;
};

}  // namespace athanor::vision
