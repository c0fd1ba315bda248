#include "athanor/vision/image/geometry.hpp"

#include <cstring>

#include "athanor/base/error.hpp"

namespace athanor::vision {

namespace {

template <int C>
void walk(const Image& in, Image& out, std::ptrdiff_t start, std::ptrdiff_t step_x,
          std::ptrdiff_t step_y) {
  std::uint8_t* to = out.pixels.data();
  for (int y = 0; y < out.height; ++y) {
    const std::uint8_t* from = in.pixels.data() + (start + y * step_y) * C;
    for (int x = 0; x < out.width; ++x, to += C, from += step_x * C)
      for (int c = 0; c < C; ++c) to[c] = from[c];
  }
}

/// out(x, y) = in[start + x step_x + y step_y], counted in pixels.
Image gather(const Image& in, bool transposed, std::ptrdiff_t start, std::ptrdiff_t step_x,
             std::ptrdiff_t step_y) {
  Image out(transposed ? in.height : in.width, transposed ? in.width : in.height, in.channels);
  switch (in.channels) {
    case 1: walk<1>(in, out, start, step_x, step_y); break;
    case 3: walk<3>(in, out, start, step_x, step_y); break;
    default: walk<4>(in, out, start, step_x, step_y); break;
  }
  return out;
}

}  // namespace

Image filled(int width, int height, int channels, const Fill& fill) {
  Image out(width, height, channels, fill[0]);
  if (channels > 1)
    for (std::size_t i = 0; i < out.pixels.size(); ++i)
      out.pixels[i] = fill[i % static_cast<std::size_t>(channels)];
  return out;
}

Image crop(const Image& image, int x, int y, int width, int height) {
  check(image, "crop");
  require(x >= 0 && y >= 0 && width >= 1 && height >= 1 && width <= image.width - x &&
              height <= image.height - y,
          "crop: {}x{} at ({}, {}) does not lie inside a picture of {}x{}", width, height, x, y,
          image.width, image.height);
  Image out(width, height, image.channels);
  for (int row = 0; row < height; ++row)
    std::memcpy(out.row(row), image.at(x, y + row), out.row_bytes());
  return out;
}

Image center_crop(const Image& image, int width, int height) {
  check(image, "center_crop");
  require(width >= 1 && height >= 1 && width <= image.width && height <= image.height,
          "center_crop: {}x{} is not inside a picture of {}x{}", width, height, image.width,
          image.height);
  return crop(image, (image.width - width) / 2, (image.height - height) / 2, width, height);
}

Image pad(const Image& image, int left, int top, int right, int bottom, const Fill& fill) {
  check(image, "pad");
  for (const int side : {left, top, right, bottom})
    require(side >= 0 && side <= kMaxSide, "pad: a border has from 0 to {} pixels, got {}",
            kMaxSide, side);
  Image out = filled(image.width + left + right, image.height + top + bottom, image.channels, fill);
  for (int y = 0; y < image.height; ++y)
    std::memcpy(out.at(left, top + y), image.row(y), image.row_bytes());
  return out;
}

Image apply_orientation(const Image& image, int orientation) {
  check(image, "apply_orientation");
  require(orientation >= 1 && orientation <= 8,
          "apply_orientation: EXIF orientations are 1 to 8, got {}", orientation);
  const std::ptrdiff_t w = image.width, h = image.height;
  switch (orientation) {
    case 1: return image;
    case 2: return gather(image, false, w - 1, -1, w);
    case 3: return gather(image, false, w * h - 1, -1, -w);
    case 4: return gather(image, false, w * (h - 1), 1, -w);
    case 5: return gather(image, true, 0, w, 1);
    case 6: return gather(image, true, w * (h - 1), -w, 1);
    case 7: return gather(image, true, w * h - 1, -w, -1);
    default: return gather(image, true, w - 1, w, -1);
  }
}

Image flip_horizontal(const Image& image) { return apply_orientation(image, 2); }

Image flip_vertical(const Image& image) { return apply_orientation(image, 4); }

Image rotate90(const Image& image, int quarters) {
  static constexpr int kOrientation[] = {1, 6, 3, 8};
  return apply_orientation(image, kOrientation[((quarters % 4) + 4) % 4]);
}

}  // namespace athanor::vision
