#include "athanor/vision/image/image.hpp"

#include "athanor/base/error.hpp"

namespace athanor::vision {

namespace {

bool valid_channels(int channels) { return channels == 1 || channels == 3 || channels == 4; }

int over_white(int value, int alpha) { return (value * alpha + 255 * (255 - alpha) + 127) / 255; }

}  // namespace

Image::Image(int w, int h, int c, std::uint8_t value) : width(w), height(h), channels(c) {
  require(w >= 1 && h >= 1 && w <= kMaxSide && h <= kMaxSide,
          "image: the size must be from 1x1 to {0}x{0}, got {1}x{2}", kMaxSide, w, h);
  require(valid_channels(c), "image: 1, 3 or 4 channels are possible, got {}", c);
  pixels.assign(row_bytes() * static_cast<std::size_t>(h), value);
}

void check(const Image& image, const char* where) {
  require(image.width >= 1 && image.height >= 1 && image.width <= kMaxSide &&
              image.height <= kMaxSide && valid_channels(image.channels),
          "{}: not a picture: {}x{} with {} channels (sizes from 1x1, channels 1, 3 or 4)", where,
          image.width, image.height, image.channels);
  const std::size_t want = image.row_bytes() * static_cast<std::size_t>(image.height);
  require(image.pixels.size() == want, "{}: a {}x{} picture with {} channels has {} bytes, got {}",
          where, image.width, image.height, image.channels, want, image.pixels.size());
}

Image to_gray(const Image& image) {
  check(image, "to_gray");
  if (image.channels == 1) return image;
  Image out(image.width, image.height, 1);
  const std::uint8_t* p = image.pixels.data();
  for (auto& value : out.pixels) {
    if (image.channels == 4)
      value = luminance(over_white(p[0], p[3]), over_white(p[1], p[3]), over_white(p[2], p[3]));
    else
      value = luminance(p[0], p[1], p[2]);
    p += image.channels;
  }
  return out;
}

Image to_rgb(const Image& image) {
  check(image, "to_rgb");
  if (image.channels == 3) return image;
  Image out(image.width, image.height, 3);
  const std::size_t count = out.pixels.size() / 3;
  const std::uint8_t* p = image.pixels.data();
  std::uint8_t* q = out.pixels.data();
  if (image.channels == 1) {
    for (std::size_t i = 0; i < count; ++i, q += 3) q[0] = q[1] = q[2] = p[i];
  } else {
    for (std::size_t i = 0; i < count; ++i, p += 4, q += 3)
      for (int c = 0; c < 3; ++c) q[c] = static_cast<std::uint8_t>(over_white(p[c], p[3]));
  }
  return out;
}

}  // namespace athanor::vision
