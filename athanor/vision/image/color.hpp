#pragma once

#include "athanor/vision/image/image.hpp"

namespace athanor::vision {

// Changes of colour. Each leaves alpha as it is; the results are those of Pillow's ImageEnhance and
// ImageOps within one level. A factor of 1 gives the picture back.

/// 0 is black. Factors are at least 0.
Image adjust_brightness(const Image& image, float factor);
/// 0 is the mean grey of the whole picture.
Image adjust_contrast(const Image& image, float factor);
/// 0 is the grey picture. A grey picture stays as it is.
Image adjust_saturation(const Image& image, float factor);
/// Turns the hue by `turns` of the full circle, from -0.5 to 0.5. A grey picture stays as it is.
Image adjust_hue(const Image& image, float turns);
/// 0 is smoothed by a 3x3 kernel, 2 is sharpened by as much; the outermost pixels stay as they are.
Image adjust_sharpness(const Image& image, float factor);
/// Keeps the upper `bits` (1..8) of each level.
Image posterize(const Image& image, int bits);
/// Inverts the levels from `threshold` (0..256) on.
Image solarize(const Image& image, int threshold);
/// Stretches each channel to the full range.
Image autocontrast(const Image& image);
/// Spreads each channel's levels so that all are about equally frequent.
Image equalize(const Image& image);

}  // namespace athanor::vision
