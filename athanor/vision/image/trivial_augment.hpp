#pragma once

#include <string_view>

#include "athanor/base/philox.hpp"
#include "athanor/vision/image/geometry.hpp"

namespace athanor::vision {

/// The operations of TrivialAugment's wide space.
enum class TrivialOp {
  identity,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
  rotate,
  brightness,
  color,
  contrast,
  sharpness,
  posterize,
  solarize,
  autocontrast,
  equalize
};
inline constexpr int kTrivialOps = 14;
inline constexpr int kTrivialStrengths = 31;

std::string_view name_of(TrivialOp op);

/// One operation at a strength of 0 to 30. `negative` is the direction of those that have two:
/// shear, translate, rotate, brightness, color, contrast, sharpness.
Image apply_trivial(const Image& image, TrivialOp op, int strength, bool negative,
                    const Fill& fill = {});

/// One random operation at one random strength: TrivialAugment (Müller and Hutter, ICCV 2021), wide
/// space: shear to 0.99, translation to 32 pixels, rotation to 135 degrees, factors 1 +- 0.99, 8 to
/// 2 bits, thresholds 255 to 0.
Image trivial_augment(const Image& image, const Fill& fill, Random& random);

}  // namespace athanor::vision
