#pragma once

#include "athanor/vision/image/image.hpp"

namespace athanor::vision {

enum class Interpolation {
  antialias,  ///< a triangle over all source pixels that an output pixel covers: Pillow's BILINEAR
  bilinear,   ///< the four nearest source pixels, whatever the scale: OpenCV's INTER_LINEAR
  nearest     ///< the source pixel under the output pixel's centre
};

/// A part of a picture in pixels; fractions are allowed.
struct Region {
  double x = 0, y = 0, width = 0, height = 0;
};

/// Integer arithmetic: the same bytes on every processor, within one level of Pillow and OpenCV.
Image resize(const Image& image, int width, int height,
             Interpolation interpolation = Interpolation::antialias);

/// The region alone, in width x height pixels: the same as Pillow's resize with a box. The region
/// must lie inside the picture.
Image resize_region(const Image& image, const Region& region, int width, int height,
                    Interpolation interpolation = Interpolation::antialias);

}  // namespace athanor::vision
