#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "athanor/vision/image/codec.hpp"
#include "athanor/vision/image/geometry.hpp"
#include "athanor/vision/image/image.hpp"
#include "athanor/vision/image/resize.hpp"

namespace athanor::vision {

/// How a picture comes to the size that a model wants.
enum class Fit {
  stretch,      ///< both sides scaled on their own
  center_crop,  ///< the shorter side scaled to fit, the longer one cut on both sides
  letterbox     ///< the longer side scaled to fit, the shorter one padded on both sides
};

/// What happens to a picture before a model sees it: training's last step, and what a model package
/// records so that prediction does the same.
struct Preprocess {
  int width = 224;
  int height = 224;
  int channels = 3;  ///< 1 or 3
  Fit fit = Fit::stretch;
  Interpolation interpolation = Interpolation::antialias;
  /// Only for center_crop: the shorter side is first scaled to 1 / crop_share of its final size
  /// (0.875: to 256 before 224 are cut).
  float crop_share = 1;
  Fill fill{114, 114, 114, 255};  ///< only for letterbox
  float scale = 1.0f / 255;       ///< value = (level * scale - mean) / std, channel by channel
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> std{1, 1, 1};

  bool operator==(const Preprocess&) const = default;
};

/// Throws ValueError when a field is out of its range.
void check(const Preprocess& preprocess);

void to_json(nlohmann::json& json, const Preprocess& preprocess);
/// Absent fields keep their defaults. Throws FormatError for unknown fields, wrong types and values
/// out of range.
void from_json(const nlohmann::json& json, Preprocess& preprocess);

/// The picture in the size and the channels that the model wants, still in levels.
Image fit_image(const Image& image, const Preprocess& preprocess);

/// decode() and fit_image() in one. The common JPEG is scaled before its colours are converted,
/// which saves most of the work on the pixels that the model never sees; the levels may differ by a
/// few where colours change sharply. target_min_side and color of `options` are chosen here.
Image decode_fitted(std::span<const std::uint8_t> bytes, const Preprocess& preprocess,
                    DecodeOptions options = {});

/// out: [height, width, channels] of the picture; (level * scale - mean) / std. mean and std have
/// one value for each channel (1 or 3).
void normalize_to_float(const Image& image, const float* mean, const float* std, float* out,
                        float scale = 1.0f / 255);

/// fit_image() and normalize_to_float(): out is [height, width, channels] of `preprocess`.
void preprocess(const Image& image, const Preprocess& preprocess, float* out);

/// decode_fitted() and normalize_to_float().
void preprocess(std::span<const std::uint8_t> bytes, const Preprocess& preprocess, float* out);

/// DecodeOptions::target_min_side for a picture with this header: how many pixels its shorter side
/// needs so that `preprocess` still finds all the detail it can use.
int min_side_for(const Preprocess& preprocess, const ImageInfo& info);

}  // namespace athanor::vision
