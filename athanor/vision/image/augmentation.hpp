#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "athanor/vision/image/transforms.hpp"

namespace athanor::vision {

struct TrivialAugment {
  Fill fill{};
  bool operator==(const TrivialAugment&) const = default;
};

/// What is done to each training picture, in this order. Absent parts are not done.
struct Augmentation {
  std::optional<ResizedCrop> resized_crop;
  std::optional<PaddedCrop> crop;
  float horizontal_flip = 0;  ///< probability
  float vertical_flip = 0;    ///< probability
  std::optional<RandomAffine> affine;
  std::optional<TrivialAugment> trivial_augment;
  std::optional<ColorJitter> jitter;
  std::optional<RandomErasing> erasing;

  bool operator==(const Augmentation&) const = default;
};

/// Throws ValueError when a field is out of its range.
void check(const Augmentation& augmentation);

/// The same key of `random` gives the same pixels, on every processor.
Image augment(const Image& image, const Augmentation& augmentation, Random& random);

/// Absent parts are left out: {"horizontal_flip": 0.5, "trivial_augment": {"fill": [0, 0, 0, 0]}}.
void to_json(nlohmann::json& json, const Augmentation& augmentation);
/// Throws FormatError for unknown fields, wrong types and values out of range.
void from_json(const nlohmann::json& json, Augmentation& augmentation);

}  // namespace athanor::vision
