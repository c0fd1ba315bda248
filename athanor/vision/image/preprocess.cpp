#include "athanor/vision/image/preprocess.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/codec/formats.hpp"
#include "athanor/vision/image/json.hpp"
#include "athanor/vision/image/pixel_view.hpp"
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

/// Which part of a picture is scaled to which size, and where it lies in the result.
struct Placement {
  Region region;
  int width = 0, height = 0, left = 0, top = 0;
};

Placement place(int width, int height, const Preprocess& p) {
  Placement placement{{0, 0, double(width), double(height)}, p.width, p.height, 0, 0};
  const double across = static_cast<double>(p.width) / width;
  const double down = static_cast<double>(p.height) / height;
  if (p.fit == Fit::center_crop) {
    // The region whose scaled copy is the cut: nothing outside it is ever scaled.
    const double factor = std::max(across, down) / p.crop_share;
    const double w = std::min<double>(width, p.width / factor);
    const double h = std::min<double>(height, p.height / factor);
    placement.region = {(width - w) / 2, (height - h) / 2, w, h};
  } else if (p.fit == Fit::letterbox) {
    const double factor = std::min(across, down);
    placement.width = std::min(p.width, rounded(width * factor));
    placement.height = std::min(p.height, rounded(height * factor));
    placement.left = (p.width - placement.width) / 2;
    placement.top = (p.height - placement.height) / 2;
  }
  return placement;
}

Image put(Image scaled, const Placement& at, const Preprocess& p) {
  scaled = with_channels(scaled, p.channels);
  if (scaled.width == p.width && scaled.height == p.height) return scaled;
  return pad(scaled, at.left, at.top, p.width - at.width - at.left, p.height - at.height - at.top,
             p.fill);
}

/// The planes scaled on their own, then one conversion of the result's colours.
Image scale_planes(const codec::Planes& planes, const Region& region, int width, int height,
                   Interpolation interpolation) {
  const auto count = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  std::vector<std::uint8_t> scaled[3];
  for (int i = 0; i < 3; ++i) {
    const double across = i == 0 ? 1 : planes.across, down = i == 0 ? 1 : planes.down;
    scaled[i].resize(count + kernels::kSlack);
    resize_view({planes.pixels[i].data(), planes.plane_width(i), planes.plane_height(i), 1,
                 static_cast<std::size_t>(planes.strides[i])},
                {region.x / across, region.y / down, region.width / across, region.height / down},
                width, height, interpolation, scaled[i].data());
  }
  Image image(width, height, 3);
  image.pixels.resize(3 * count + kernels::kSlack);
  kernels::ycc_to_rgb(scaled[0].data(), scaled[1].data(), scaled[2].data(), count,
                      image.pixels.data());
  image.pixels.resize(3 * count);
  return image;
}

/// The region of a picture that its decoder made smaller. 301 pixels at one half are 150.5, which
/// the decoder rounds up to 151: without the half pixel everything would be shifted.
Region shrink(const Region& region, const ImageInfo& info, int width, int height) {
  for (const int eighths : {8, 4, 2, 1}) {
    if ((info.width * eighths + 7) / 8 != width || (info.height * eighths + 7) / 8 != height)
      continue;
    const double factor = eighths / 8.0;
    return {region.x * factor, region.y * factor, region.width * factor, region.height * factor};
  }
  throw InternalError("decode_fitted: a size that the decoder does not give");
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
  const Placement at = place(image.width, image.height, p);
  const bool whole = at.region.width == image.width && at.region.height == image.height;
  if (whole && at.width == image.width && at.height == image.height) return put(image, at, p);
  return put(resize_region(image, at.region, at.width, at.height, p.interpolation), at, p);
}

Image decode_fitted(std::span<const std::uint8_t> bytes, const Preprocess& p,
                    DecodeOptions options) {
  check(p);
  const ImageInfo info = codec::read_checked_info(bytes, options);
  options.color = p.channels == 1 ? Color::gray : Color::rgb;
  options.target_min_side = min_side_for(p, info);
  // The picture is turned upright when it is small. All regions lie in the middle, so that turning
  // one is exchanging its sides.
  const int orientation =
      std::exchange(options.apply_exif_orientation, false) ? info.orientation : 1;
  const bool turned = orientation >= 5;
  const Placement at =
      turned ? place(info.height, info.width, p) : place(info.width, info.height, p);
  Region stored = at.region;
  int width = at.width, height = at.height;
  if (turned) {
    stored = {stored.y, stored.x, stored.height, stored.width};
    std::swap(width, height);
  }
  Image scaled;
  codec::Planes planes;
  if (info.format == ImageFormat::jpeg && info.channels == 3 && p.channels == 3 &&
      p.interpolation != Interpolation::nearest &&
      codec::decode_jpeg_planes(bytes, options, &planes)) {
    scaled = scale_planes(planes, shrink(stored, info, planes.width, planes.height), width, height,
                          p.interpolation);
  } else {
    const Image image = decode(bytes, options);
    scaled = resize_region(image, shrink(stored, info, image.width, image.height), width, height,
                           p.interpolation);
  }
  return put(apply_orientation(scaled, orientation), at, p);
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

void preprocess(std::span<const std::uint8_t> bytes, const Preprocess& p, float* out) {
  normalize_to_float(decode_fitted(bytes, p), p.mean.data(), p.std.data(), out, p.scale);
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
