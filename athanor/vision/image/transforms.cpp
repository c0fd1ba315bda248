#include "athanor/vision/image/transforms.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/affine.hpp"
#include "athanor/vision/image/color.hpp"

namespace athanor::vision {

namespace {

int below(Random& random, int n) {
  return static_cast<int>(random.below(static_cast<std::uint64_t>(n)));
}

void check_size(int width, int height, const char* where) {
  require(width >= 1 && height >= 1 && width <= 65535 && height <= 65535,
          "{}: the size must be from 1x1 to 65535x65535, got {}x{}", where, width, height);
}

/// True when a rectangle was found that lies inside and has the drawn area and ratio.
bool draw_rectangle(const Image& image, double area_min, double area_max, double ratio_min,
                    double ratio_max, Random& random, int* width, int* height) {
  const double area = static_cast<double>(image.width) * image.height;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * (area_min + (area_max - area_min) * random.uniform());
    const double low = std::log(ratio_min), high = std::log(ratio_max);
    const double ratio = std::exp(low + (high - low) * random.uniform());
    *width = static_cast<int>(std::lround(std::sqrt(target * ratio)));
    *height = static_cast<int>(std::lround(std::sqrt(target / ratio)));
    if (*width >= 1 && *height >= 1 && *width <= image.width && *height <= image.height)
      return true;
  }
  return false;
}

}  // namespace

void check(const ResizedCrop& p) {
  check_size(p.width, p.height, "resized_crop");
  require(p.area_min > 0 && p.area_min <= p.area_max && p.area_max <= 1,
          "resized_crop: areas must be 0 < area_min <= area_max <= 1, got {} and {}", p.area_min,
          p.area_max);
  require(p.ratio_min > 0 && p.ratio_min <= p.ratio_max && std::isfinite(p.ratio_max),
          "resized_crop: ratios must be 0 < ratio_min <= ratio_max, got {} and {}", p.ratio_min,
          p.ratio_max);
}

void check(const PaddedCrop& p) {
  check_size(p.width, p.height, "crop");
  require(p.padding >= 0 && p.padding <= 65535, "crop: padding must be from 0 to 65535, got {}",
          p.padding);
}

void check(const ColorJitter& p) {
  for (const float x : {p.brightness, p.contrast, p.saturation})
    require(x >= 0 && x <= 1, "jitter: brightness, contrast and saturation are 0 to 1, got {}", x);
  require(p.hue >= 0 && p.hue <= 0.5f, "jitter: hue is 0 to 0.5, got {}", p.hue);
}

void check(const RandomAffine& p) {
  require(p.degrees >= 0 && p.degrees <= 180, "affine: degrees are 0 to 180, got {}", p.degrees);
  require(p.translate >= 0 && p.translate <= 1, "affine: translate is 0 to 1, got {}", p.translate);
  require(p.scale_min >= 0.01f && p.scale_min <= p.scale_max && p.scale_max <= 100,
          "affine: scales must be 0.01 <= scale_min <= scale_max <= 100, got {} and {}",
          p.scale_min, p.scale_max);
  require(p.shear >= 0 && p.shear <= 80, "affine: shear is 0 to 80 degrees, got {}", p.shear);
}

void check(const RandomErasing& p) {
  require(p.probability >= 0 && p.probability <= 1, "erasing: probability is 0 to 1, got {}",
          p.probability);
  require(p.area_min > 0 && p.area_min <= p.area_max && p.area_max <= 1,
          "erasing: areas must be 0 < area_min <= area_max <= 1, got {} and {}", p.area_min,
          p.area_max);
  require(p.ratio_min > 0 && p.ratio_min <= 1,
          "erasing: ratio_min is above 0 and at most 1, got {}", p.ratio_min);
}

Image random_resized_crop(const Image& image, const ResizedCrop& p, Random& random) {
  check(image, "random_resized_crop");
  check(p);
  int w = 0, h = 0;
  if (draw_rectangle(image, p.area_min, p.area_max, p.ratio_min, p.ratio_max, random, &w, &h)) {
    const int x = below(random, image.width - w + 1), y = below(random, image.height - h + 1);
    return resize_region(image, {double(x), double(y), double(w), double(h)}, p.width, p.height,
                         p.interpolation);
  }
  // No luck: the largest middle part whose ratio is allowed.
  const double ratio = std::clamp(static_cast<double>(image.width) / image.height,
                                  double(p.ratio_min), double(p.ratio_max));
  const double width = std::min<double>(image.width, image.height * ratio);
  const double height = std::min<double>(image.height, image.width / ratio);
  return resize_region(image,
                       {(image.width - width) / 2, (image.height - height) / 2, width, height},
                       p.width, p.height, p.interpolation);
}

Image random_crop(const Image& image, const PaddedCrop& p, Random& random) {
  check(image, "random_crop");
  check(p);
  // The place is drawn before anything is copied, so only the part that is kept is made.
  const int border_x = std::max(p.padding, (p.width - image.width + 1) / 2);
  const int border_y = std::max(p.padding, (p.height - image.height + 1) / 2);
  const int x = below(random, image.width + 2 * border_x - p.width + 1) - border_x;
  const int y = below(random, image.height + 2 * border_y - p.height + 1) - border_y;
  const int left = std::clamp(-x, 0, p.width), top = std::clamp(-y, 0, p.height);
  const int w = std::min(p.width - left, image.width - std::max(x, 0));
  const int h = std::min(p.height - top, image.height - std::max(y, 0));
  Image out = filled(p.width, p.height, image.channels, p.fill);
  if (w < 1) return out;
  for (int row = 0; row < h; ++row)
    std::memcpy(out.at(left, top + row), image.at(std::max(x, 0), std::max(y, 0) + row),
                static_cast<std::size_t>(w) * image.channels);
  return out;
}

Image random_horizontal_flip(const Image& image, float probability, Random& random) {
  return random.flip(probability) ? flip_horizontal(image) : image;
}

Image random_vertical_flip(const Image& image, float probability, Random& random) {
  return random.flip(probability) ? flip_vertical(image) : image;
}

Image color_jitter(const Image& image, const ColorJitter& p, Random& random) {
  check(image, "color_jitter");
  check(p);
  std::array<int, 4> order{0, 1, 2, 3};
  for (int i = 3; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)],
              order[static_cast<std::size_t>(below(random, i + 1))]);
  const auto factor = [&](float x) { return random.uniform(1 - x, 1 + x); };
  const float brightness = factor(p.brightness), contrast = factor(p.contrast);
  const float saturation = factor(p.saturation), hue = random.uniform(-p.hue, p.hue);
  Image out = image;
  for (const int what : order) {
    if (what == 0 && p.brightness > 0) out = adjust_brightness(out, brightness);
    if (what == 1 && p.contrast > 0) out = adjust_contrast(out, contrast);
    if (what == 2 && p.saturation > 0) out = adjust_saturation(out, saturation);
    if (what == 3 && p.hue > 0) out = adjust_hue(out, hue);
  }
  return out;
}

Image random_affine(const Image& image, const RandomAffine& p, Random& random) {
  check(image, "random_affine");
  check(p);
  Movement movement;
  movement.degrees = random.uniform(-p.degrees, p.degrees);
  movement.shift_x = static_cast<double>(random.uniform(-p.translate, p.translate)) * image.width;
  movement.shift_y = static_cast<double>(random.uniform(-p.translate, p.translate)) * image.height;
  movement.scale = random.uniform(p.scale_min, p.scale_max);
  const double shear = random.uniform(-p.shear, p.shear);
  movement.shear_x = std::tan(shear * std::numbers::pi / 180);
  return affine(image, map_of(movement, image.width, image.height), p.fill);
}

Image random_erasing(const Image& image, const RandomErasing& p, Random& random) {
  check(image, "random_erasing");
  check(p);
  int w = 0, h = 0;
  if (!random.flip(p.probability) ||
      !draw_rectangle(image, p.area_min, p.area_max, p.ratio_min, 1 / p.ratio_min, random, &w, &h))
    return image;
  const int x = below(random, image.width - w + 1), y = below(random, image.height - h + 1);
  Image out = image;
  for (int row = y; row < y + h; ++row) {
    std::uint8_t* to = out.at(x, row);
    for (int i = 0; i < w; ++i, to += out.channels)
      for (int c = 0; c < std::min(out.channels, 3); ++c)
        to[c] = static_cast<std::uint8_t>(random.word() >> 24);
  }
  return out;
}

}  // namespace athanor::vision
