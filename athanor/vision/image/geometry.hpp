#pragma once

#include <array>
#include <cstdint>

#include "athanor/vision/image/image.hpp"

namespace athanor::vision {

/// The value of each channel where a picture has none; a picture with fewer channels uses the
/// first.
using Fill = std::array<std::uint8_t, 4>;

/// A picture of one colour.
Image filled(int width, int height, int channels, const Fill& fill);

/// The part of width x height pixels with its upper left corner at (x, y); it must lie inside.
Image crop(const Image& image, int x, int y, int width, int height);
/// The middle of the picture; of an odd remainder the smaller half is cut left and above.
Image center_crop(const Image& image, int width, int height);
/// The picture with a border of so many pixels on each side.
Image pad(const Image& image, int left, int top, int right, int bottom, const Fill& fill = {});

Image flip_horizontal(const Image& image);
Image flip_vertical(const Image& image);
/// A turn by 90 degrees clockwise, `quarters` times; negative turns the other way.
Image rotate90(const Image& image, int quarters);
/// The upright picture of one that is stored with an EXIF orientation 1..8 (TIFF 6.0, tag 274).
Image apply_orientation(const Image& image, int orientation);

}  // namespace athanor::vision
