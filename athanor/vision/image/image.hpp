#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace athanor::vision {

/// The largest width or height that an Image may have.
inline constexpr int kMaxSide = 1 << 20;

/// A picture in memory: rows from the top, each pixel's channels side by side (HWC), 8 bits each.
/// One channel is grey, three are RGB, four are RGB with straight (not premultiplied) alpha.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  /// Every byte is `value`. Throws ValueError for a size or channel count that no Image has.
  Image(int width, int height, int channels, std::uint8_t value = 0);

  std::size_t row_bytes() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  }
  std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * row_bytes(); }
  const std::uint8_t* row(int y) const {
    return pixels.data() + static_cast<std::size_t>(y) * row_bytes();
  }
  std::uint8_t* at(int x, int y) { return row(y) + static_cast<std::size_t>(x) * channels; }
  const std::uint8_t* at(int x, int y) const {
    return row(y) + static_cast<std::size_t>(x) * channels;
  }

  bool operator==(const Image&) const = default;
};

/// Throws ValueError unless the picture has pixels, 1, 3 or 4 channels and as many bytes as its
/// size asks for. `where` names the function for the message.
void check(const Image& image, const char* where);

/// Luminance of an RGB triple (ITU-R BT.601, in 16-bit fixed point as in Pillow's mode "L").
inline std::uint8_t luminance(int r, int g, int b) {
  return static_cast<std::uint8_t>((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16);
}

/// The picture with one channel; alpha is laid over white first.
Image to_gray(const Image& image);
/// The picture with three channels; alpha is laid over white, grey is repeated.
Image to_rgb(const Image& image);

}  // namespace athanor::vision
