#include "athanor/vision/image/preprocess.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/json.hpp"
#include "athanor/vision/image/resize_kernels.hpp"

namespace athanor::vision {

namespace {

constexpr std::string_view kFits[] = {"stretch", "center_crop", "letterbox"};
constexpr std::string_view kInterpolations[] = {"antialias", "bilinear", "nearest"};

Image with_channels(const Image& image, int channels) {
  if (image.channels == channels) return image;
  return channels == 1 ? to_gray(image) : to_rgb(image);
}

int rounded(double value) { return std::max(1, static_cast<int>(std::floor(value + 0.5))); }

Image cut_to_fit(const Image& image, const Preprocess& p) {
  // The region whose scaled copy is the cut: nothing outside it is ever scaled.
  const double factor = std::max(static_cast<double>(p.width) / image.width,
                                 static_cast<double>(p.height) / image.height) /
                        p.crop_share;
  const double w = std::min<double>(image.width, p.width / factor);
  const double h = std::min<double>(image.height, p.height / factor);
  return resize_region(image, {(image.width - w) / 2, (image.height - h) / 2, w, h}, p.width,
                       p.height, p.interpolation);
}

Image letterbox(const Image& image, const Preprocess& p) {
  const double factor = std::min(static_cast<double>(p.width) / image.width,
                                 static_cast<double>(p.height) / image.height);
  const int w = std::min(p.width, rounded(image.width * factor));
  const int h = std::min(p.height, rounded(image.height * factor));
  const int left = (p.width - w) / 2, top = (p.height - h) / 2;
  return pad(resize(image, w, h, p.interpolation), left, top, p.width - w - left,
             p.height - h - top, p.fill);
}

}  // namespace

void check(const Preprocess& p) {
  require(p.width >= 1 && p.height >= 1 && p.width <= 65535 && p.height <= 65535,
          "preprocess: the size must be from 1x1 to 65535x65535, got {}x{}", p.width, p.height);
  require(p.channels == 1 || p.channels == 3, "preprocess: channels must be 1 or 3, got {}",
          p.channels);
  require(p.crop_share > 0 && p.crop_share <= 1,
          "preprocess: crop_share must be above 0 and at most 1, got {}", p.crop_share);
  require(std::isfinite(p.scale) && p.scale != 0,
          "preprocess: scale must be a number but 0, got {}", p.scale);
  for (int c = 0; c < 3; ++c)
    require(std::isfinite(p.mean[c]) && std::isfinite(p.std[c]) && p.std[c] > 0,
            "preprocess: mean must be a number and std above 0, got {} and {}", p.mean[c],
            p.std[c]);
}

void to_json(nlohmann::json& json, const Preprocess& p) {
  json = {{"width", p.width},
          {"height", p.height},
          {"channels", p.channels},
          {"fit", kFits[static_cast<int>(p.fit)]},
          {"interpolation", kInterpolations[static_cast<int>(p.interpolation)]},
          {"crop_share", p.crop_share},
          {"fill", p.fill},
          {"scale", p.scale},
          {"mean", p.mean},
          {"std", p.std}};
}

void from_json(const nlohmann::json& json, Preprocess& result) {
  Preprocess p;
  FieldReader fields(json, "preprocess");
  fields.read("width", p.width);
  fields.read("height", p.height);
  fields.read("channels", p.channels);
  fields.read_name("fit", p.fit, kFits);
  fields.read_name("interpolation", p.interpolation, kInterpolations);
  fields.read("crop_share", p.crop_share);
  fields.read("fill", p.fill);
  fields.read("scale", p.scale);
  fields.read("mean", p.mean);
  fields.read("std", p.std);
  fields.finish();
  try {
    check(p);
  } catch (const ValueError& error) {
    throw FormatError(error.what());
  }
  result = p;
}

Image fit_image(const Image& image, const Preprocess& p) {
  check(image, "preprocess");
  check(p);
  // Fewer channels are cheaper to scale.
  if (image.channels == 4 || p.channels < image.channels)
    return fit_image(with_channels(image, p.channels), p);
  Image fitted;
  if (image.width == p.width && image.height == p.height &&
      (p.fit != Fit::center_crop || p.crop_share == 1))
    fitted = image;
  else if (p.fit == Fit::stretch)
    fitted = resize(image, p.width, p.height, p.interpolation);
  else if (p.fit == Fit::center_crop)
    fitted = cut_to_fit(image, p);
  else if (image.channels == p.channels)
    fitted = letterbox(image, p);
  else
    fitted = letterbox(with_channels(image, p.channels), p);
  return with_channels(fitted, p.channels);
}

void normalize_to_float(const Image& image, const float* mean, const float* std, float* out,
                        float scale) {
  check(image, "normalize_to_float");
  require(image.channels != 4, "normalize_to_float: 1 or 3 channels are possible, got 4");
  float factor[3], shift[3];
  for (int c = 0; c < image.channels; ++c) {
    require(std[c] > 0, "normalize_to_float: std must be above 0, got {}", std[c]);
    factor[c] = static_cast<float>(static_cast<double>(scale) / std[c]);
    shift[c] = static_cast<float>(-static_cast<double>(mean[c]) / std[c]);
  }
  kernels::scale_and_shift(image.pixels.data(), image.pixels.size(), factor, shift, image.channels,
                           out);
}

void preprocess(const Image& image, const Preprocess& p, float* out) {
  normalize_to_float(fit_image(image, p), p.mean.data(), p.std.data(), out, p.scale);
}

int min_side_for(const Preprocess& p, const ImageInfo& info) {
  require(info.width >= 1 && info.height >= 1, "min_side_for: a picture of {}x{}", info.width,
          info.height);
  const bool turned = info.orientation >= 5;
  const double across = static_cast<double>(p.width) / (turned ? info.height : info.width);
  const double down = static_cast<double>(p.height) / (turned ? info.width : info.height);
  double factor = p.fit == Fit::letterbox ? std::min(across, down) : std::max(across, down);
  if (p.fit == Fit::center_crop) factor /= p.crop_share;
  return std::max(1, static_cast<int>(std::ceil(std::min(info.width, info.height) * factor)));
}

}  // namespace athanor::vision
