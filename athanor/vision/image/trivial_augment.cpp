#include "athanor/vision/image/trivial_augment.hpp"

#include <cmath>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/affine.hpp"
#include "athanor/vision/image/color.hpp"

namespace athanor::vision {

std::string_view name_of(TrivialOp op) {
  static constexpr std::string_view kNames[kTrivialOps] = {
      "identity",  "shear_x",    "shear_y",      "translate_x", "translate_y",
      "rotate",    "brightness", "color",        "contrast",    "sharpness",
      "posterize", "solarize",   "autocontrast", "equalize"};
  return kNames[static_cast<int>(op)];
}

Image apply_trivial(const Image& image, TrivialOp op, int strength, bool negative,
                    const Fill& fill) {
  require(strength >= 0 && strength < kTrivialStrengths,
          "trivial_augment: the strength must be from 0 to {}, got {}", kTrivialStrengths - 1,
          strength);
  const double share = strength / static_cast<double>(kTrivialStrengths - 1);
  const double sign = negative ? -1 : 1;
  const double slope = sign * 0.99 * share, shift = sign * 32 * share;
  const auto factor = static_cast<float>(1 + sign * 0.99 * share);
  switch (op) {
    case TrivialOp::identity: return image;
    case TrivialOp::shear_x: return affine(image, {1, slope, 0, 0, 1, 0}, fill);
    case TrivialOp::shear_y: return affine(image, {1, 0, 0, slope, 1, 0}, fill);
    case TrivialOp::translate_x: return affine(image, {1, 0, shift, 0, 1, 0}, fill);
    case TrivialOp::translate_y: return affine(image, {1, 0, 0, 0, 1, shift}, fill);
    case TrivialOp::rotate: {
      Movement movement;
      movement.degrees = sign * 135 * share;
      return affine(image, map_of(movement, image.width, image.height), fill);
    }
    case TrivialOp::brightness: return adjust_brightness(image, factor);
    case TrivialOp::color: return adjust_saturation(image, factor);
    case TrivialOp::contrast: return adjust_contrast(image, factor);
    case TrivialOp::sharpness: return adjust_sharpness(image, factor);
    case TrivialOp::posterize:
      return posterize(image, 8 - static_cast<int>(std::lround(6 * share)));
    case TrivialOp::solarize:
      return solarize(image, static_cast<int>(std::lround(255 * (1 - share))));
    case TrivialOp::autocontrast: return autocontrast(image);
    case TrivialOp::equalize: return equalize(image);
  }
  ATH_ASSERT(false);
  return image;
}

Image trivial_augment(const Image& image, const Fill& fill, Random& random) {
  const auto op = static_cast<TrivialOp>(random.below(kTrivialOps));
  const int strength = static_cast<int>(random.below(kTrivialStrengths));
  const bool negative = random.flip();
  return apply_trivial(image, op, strength, negative, fill);
}

}  // namespace athanor::vision
