#pragma once

#include "athanor/base/philox.hpp"
#include "athanor/vision/image/geometry.hpp"
#include "athanor/vision/image/resize.hpp"

namespace athanor::vision {

// Random changes of training pictures. Each is a function of the picture, its parameters and the
// numbers it draws: the same key gives the same pixels.

/// A part of the picture with a random share of its area and a random aspect ratio, scaled to
/// width x height (Szegedy et al. 2015, as in torchvision).
struct ResizedCrop {
  int width = 224, height = 224;
  float area_min = 0.08f, area_max = 1;
  float ratio_min = 3.0f / 4, ratio_max = 4.0f / 3;  ///< width / height
  Interpolation interpolation = Interpolation::antialias;
  bool operator==(const ResizedCrop&) const = default;
};
Image random_resized_crop(const Image& image, const ResizedCrop& params, Random& random);

/// width x height pixels at a random place of the picture with a border (He et al. 2016 for CIFAR).
/// A picture that is too small gets a wider border.
struct PaddedCrop {
  int width = 32, height = 32;
  int padding = 4;
  Fill fill{};
  bool operator==(const PaddedCrop&) const = default;
};
Image random_crop(const Image& image, const PaddedCrop& params, Random& random);

Image random_horizontal_flip(const Image& image, float probability, Random& random);
Image random_vertical_flip(const Image& image, float probability, Random& random);

/// Brightness, contrast and saturation by a factor from 1 - x to 1 + x, hue by up to x turns, in a
/// random order.
struct ColorJitter {
  float brightness = 0, contrast = 0, saturation = 0;  ///< 0..1
  float hue = 0;                                       ///< 0..0.5
  bool operator==(const ColorJitter&) const = default;
};
Image color_jitter(const Image& image, const ColorJitter& params, Random& random);

/// A turn, shift, scale and shear within these bounds.
struct RandomAffine {
  float degrees = 0;    ///< from -degrees to degrees
  float translate = 0;  ///< share of each side, 0..1
  float scale_min = 1, scale_max = 1;
  float shear = 0;  ///< degrees along x, below 90
  Fill fill{};
  bool operator==(const RandomAffine&) const = default;
};
Image random_affine(const Image& image, const RandomAffine& params, Random& random);

/// With this probability a random rectangle is overwritten with noise (Zhong et al. 2020).
struct RandomErasing {
  float probability = 0.25f;
  float area_min = 0.02f, area_max = 1.0f / 3;
  float ratio_min = 0.3f;  ///< to 1 / ratio_min
  bool operator==(const RandomErasing&) const = default;
};
Image random_erasing(const Image& image, const RandomErasing& params, Random& random);

// Each throws ValueError when a parameter is out of its range.
void check(const ResizedCrop& params);
void check(const PaddedCrop& params);
void check(const ColorJitter& params);
void check(const RandomAffine& params);
void check(const RandomErasing& params);

}  // namespace athanor::vision
