#include "athanor/vision/image/color.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "athanor/base/error.hpp"

namespace athanor::vision {

namespace {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<std::int64_t, 256>;

int color_channels(const Image& image) { return std::min(image.channels, 3); }

std::size_t pixel_count(const Image& image) {
  return static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
}

std::uint8_t to_level(float value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
}

template <class Function>
Table table_of(const Function& f) {
  Table table;
  for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = f(i);
  return table;
}

void apply(Image& image, int channel, const Table& table) {
  for (std::size_t i = static_cast<std::size_t>(channel); i < image.pixels.size();
       i += static_cast<std::size_t>(image.channels))
    image.pixels[i] = table[image.pixels[i]];
}

Image map_colors(const Image& image, const Table& table) {
  Image out = image;
  for (int c = 0; c < color_channels(image); ++c) apply(out, c, table);
  return out;
}

Histogram histogram(const Image& image, int channel) {
  Histogram counts{};
  for (std::size_t i = static_cast<std::size_t>(channel); i < image.pixels.size();
       i += static_cast<std::size_t>(image.channels))
    ++counts[image.pixels[i]];
  return counts;
}

void check_factor(const Image& image, float factor, const char* where) {
  check(image, where);
  require(factor >= 0 && std::isfinite(factor), "{}: the factor must be at least 0, got {}", where,
          factor);
}

/// Hue in sixths of the circle, [0, 6), for a pixel with max > min.
float hue_of(float r, float g, float b, float max, float range) {
  if (r == max) return g >= b ? (g - b) / range : 6 + (g - b) / range;
  if (g == max) return 2 + (b - r) / range;
  return 4 + (r - g) / range;
}

}  // namespace

Image adjust_brightness(const Image& image, float factor) {
  check_factor(image, factor, "adjust_brightness");
  return map_colors(image,
                    table_of([&](int v) { return to_level(factor * static_cast<float>(v)); }));
}

Image adjust_contrast(const Image& image, float factor) {
  check_factor(image, factor, "adjust_contrast");
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += static_cast<std::size_t>(image.channels)) {
    const std::uint8_t* p = image.pixels.data() + i;
    sum += image.channels == 1 ? p[0] : luminance(p[0], p[1], p[2]);
  }
  const float mean = std::floor(
      static_cast<float>(static_cast<double>(sum) / static_cast<double>(pixel_count(image)) + 0.5));
  return map_colors(image, table_of([&](int v) {
                      return to_level(mean + factor * (static_cast<float>(v) - mean));
                    }));
}

Image adjust_saturation(const Image& image, float factor) {
  check_factor(image, factor, "adjust_saturation");
  Image out = image;
  if (image.channels == 1) return out;
  for (std::size_t i = 0; i < out.pixels.size(); i += static_cast<std::size_t>(out.channels)) {
    std::uint8_t* p = out.pixels.data() + i;
    const float gray = luminance(p[0], p[1], p[2]);
    for (int c = 0; c < 3; ++c) p[c] = to_level(gray + factor * (static_cast<float>(p[c]) - gray));
  }
  return out;
}

Image adjust_hue(const Image& image, float turns) {
  check(image, "adjust_hue");
  require(turns >= -0.5f && turns <= 0.5f, "adjust_hue: turns must be from -0.5 to 0.5, got {}",
          turns);
  Image out = image;
  if (image.channels == 1) return out;
  for (std::size_t i = 0; i < out.pixels.size(); i += static_cast<std::size_t>(out.channels)) {
    std::uint8_t* p = out.pixels.data() + i;
    const float r = p[0], g = p[1], b = p[2];
    const float max = std::max({r, g, b}), min = std::min({r, g, b});
    if (max == min) continue;
    float hue = hue_of(r, g, b, max, max - min) + 6 * turns;
    if (hue < 0) hue += 6;
    if (hue >= 6) hue -= 6;
    // Each channel is a trapezoid over the hue (the usual closed form of HSV to RGB).
    for (int c = 0; c < 3; ++c) {
      static constexpr float kOffset[] = {5, 3, 1};
      float k = hue + kOffset[c];
      if (k >= 6) k -= 6;
      p[c] = to_level(max - (max - min) * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f));
    }
  }
  return out;
}

Image adjust_sharpness(const Image& image, float factor) {
  check_factor(image, factor, "adjust_sharpness");
  Image out = image;
  const int step = image.channels;
  for (int y = 1; y + 1 < image.height; ++y) {
    for (int x = 1; x + 1 < image.width; ++x) {
      for (int c = 0; c < color_channels(image); ++c) {
        const std::uint8_t* p = image.at(x, y) + c;
        const std::uint8_t* above = p - image.row_bytes();
        const std::uint8_t* below = p + image.row_bytes();
        const int sum = above[-step] + above[0] + above[step] + p[-step] + 5 * p[0] + p[step] +
                        below[-step] + below[0] + below[step];
        const float smooth = static_cast<float>((sum * 2 + 13) / 26);
        out.at(x, y)[c] = to_level(smooth + factor * (static_cast<float>(p[0]) - smooth));
      }
    }
  }
  return out;
}

Image posterize(const Image& image, int bits) {
  check(image, "posterize");
  require(bits >= 1 && bits <= 8, "posterize: from 1 to 8 bits can be kept, got {}", bits);
  const int mask = 0xFF & ~((1 << (8 - bits)) - 1);
  return map_colors(image, table_of([&](int v) { return static_cast<std::uint8_t>(v & mask); }));
}

Image solarize(const Image& image, int threshold) {
  check(image, "solarize");
  require(threshold >= 0 && threshold <= 256,
          "solarize: the threshold must be from 0 to 256, got {}", threshold);
  return map_colors(image, table_of([&](int v) {
                      return static_cast<std::uint8_t>(v < threshold ? v : 255 - v);
                    }));
}

Image autocontrast(const Image& image) {
  check(image, "autocontrast");
  Image out = image;
  for (int c = 0; c < color_channels(image); ++c) {
    const Histogram counts = histogram(image, c);
    int low = 0, high = 255;
    while (counts[static_cast<std::size_t>(low)] == 0) ++low;
    while (counts[static_cast<std::size_t>(high)] == 0) --high;
    if (high <= low) continue;
    const double scale = 255.0 / (high - low), offset = -low * scale;
    apply(out, c, table_of([&](int v) {
            return static_cast<std::uint8_t>(std::clamp(v * scale + offset, 0.0, 255.0));
          }));
  }
  return out;
}

Image equalize(const Image& image) {
  check(image, "equalize");
  Image out = image;
  for (int c = 0; c < color_channels(image); ++c) {
    const Histogram counts = histogram(image, c);
    std::int64_t last = 0, used = 0;
    for (const std::int64_t n : counts)
      if (n > 0) last = n, ++used;
    const std::int64_t step = (static_cast<std::int64_t>(pixel_count(image)) - last) / 255;
    if (used <= 1 || step == 0) continue;
    std::int64_t sum = step / 2;
    apply(out, c, table_of([&](int v) {
            const std::int64_t level = sum / step;
            sum += counts[static_cast<std::size_t>(v)];
            return static_cast<std::uint8_t>(std::min<std::int64_t>(level, 255));
          }));
  }
  return out;
}

}  // namespace athanor::vision
