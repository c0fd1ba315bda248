#pragma once

#include "athanor/vision/image/geometry.hpp"
#include "athanor/vision/image/image.hpp"

namespace athanor::vision {

/// Where an output point comes from: x_in = a x + b y + c, y_in = d x + e y + f. Coordinates are
/// continuous: the first pixel reaches from 0 to 1.
struct AffineMap {
  double a = 1, b = 0, c = 0;
  double d = 0, e = 1, f = 0;
};

/// A movement about the picture's centre: first shear, then scale and turn, then shift.
struct Movement {
  double degrees = 0;  ///< counter-clockwise
  double scale = 1;
  double shear_x = 0, shear_y = 0;  ///< tangents of the angles
  double shift_x = 0, shift_y = 0;  ///< pixels, to the right and down
};

/// The map that moves a width x height picture so. Throws ValueError when the movement has no
/// inverse.
AffineMap map_of(const Movement& movement, int width, int height);

/// A picture of the same size, bilinear; what comes from outside is `fill`: Pillow's
/// transform(AFFINE, BILINEAR) within one level.
Image affine(const Image& image, const AffineMap& map, const Fill& fill = {});

}  // namespace athanor::vision
