#include "athanor/vision/image/preprocess.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "athanor/base/error.hpp"
#include "images.hpp"

namespace athanor::vision {
namespace {

using nlohmann::json;
using testing::noise;

TEST(Preprocess, EveryFloatIsLevelTimesScaleMinusMeanByStd) {
  const float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};
  for (const int channels : {1, 3}) {
    const Image image = noise(29, 31, channels);
    std::vector<float> out(image.pixels.size());
    normalize_to_float(image, mean, std, out.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const int c = static_cast<int>(i) % channels;
      ASSERT_NEAR(out[i], (image.pixels[i] / 255.0 - mean[c]) / std[c], 1e-6);
    }
  }
}

TEST(Preprocess, EveryInstructionSetGivesTheSameFloats) {
  const Image image = noise(29, 31, 3);
  Preprocess p;
  p.width = p.height = 20;
  p.mean = {0.485f, 0.456f, 0.406f};
  p.std = {0.229f, 0.224f, 0.225f};
  std::vector<float> first;
  for (std::int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    std::vector<float> now(20 * 20 * 3);
    preprocess(image, p, now.data());
    if (first.empty()) first = now;
    EXPECT_EQ(now, first);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Preprocess, ComesBackFromItsJson) {
  Preprocess p;
  p.width = 96;
  p.height = 64;
  p.channels = 1;
  p.fit = Fit::letterbox;
  p.interpolation = Interpolation::bilinear;
  p.crop_share = 0.875f;
  p.fill = {1, 2, 3, 4};
  p.scale = 1;
  p.mean = {123.675f, 116.28f, 103.53f};
  p.std = {58.395f, 57.12f, 57.375f};
  const json text = json::parse(json(p).dump());
  EXPECT_EQ(text.get<Preprocess>(), p);
  EXPECT_EQ(json::object().get<Preprocess>(), Preprocess{});
}

TEST(Preprocess, WrongJsonIsRefused) {
  for (const char* text :
       {R"([])", R"({"widht": 5})", R"({"width": "5"})", R"({"width": 0})", R"({"channels": 4})",
        R"({"fit": "squeeze"})", R"({"std": [1, 0, 1]})", R"({"std": [1, 1]})",
        R"({"crop_share": 2})", R"({"scale": 0})", R"({"interpolation": 3})"})
    EXPECT_THROW(json::parse(text).get<Preprocess>(), FormatError) << text;
}

TEST(Preprocess, EveryFitGivesTheSizeAndTheChannelsOfTheModel) {
  for (const Fit fit : {Fit::stretch, Fit::center_crop, Fit::letterbox}) {
    for (const int channels : {1, 3}) {
      for (const int from : {1, 3, 4}) {
        for (const auto& [w, h] :
             {std::pair(1, 1), std::pair(500, 3), std::pair(3, 500), std::pair(24, 16)}) {
          Preprocess p;
          p.width = 24;
          p.height = 16;
          p.channels = channels;
          p.fit = fit;
          p.crop_share = 0.9f;
          const Image image = fit_image(noise(w, h, from), p);
          EXPECT_EQ(image.width, 24);
          EXPECT_EQ(image.height, 16);
          EXPECT_EQ(image.channels, channels);
        }
      }
    }
  }
}

TEST(Preprocess, ASmallerJpegStillHasAllThePixelsTheModelUses) {
  Preprocess p;
  p.width = p.height = 100;
  const ImageInfo info{ImageFormat::jpeg, 800, 400, 3, 1};
  p.fit = Fit::stretch;  // 400 -> 100, but 800 -> 100 may lose more: the height decides
  EXPECT_EQ(min_side_for(p, info), 100);
  p.fit = Fit::letterbox;  // 800 -> 100, 400 -> 50
  EXPECT_EQ(min_side_for(p, info), 50);
  p.fit = Fit::center_crop;
  p.crop_share = 0.5f;
  EXPECT_EQ(min_side_for(p, info), 200);
  p.crop_share = 1;
  p.width = 400;  // 800 -> 400 asks for a height of 200
  EXPECT_EQ(min_side_for(p, info), 200);
  EXPECT_EQ(min_side_for(p, {ImageFormat::jpeg, 400, 800, 3, 6}), 200);
}

}  // namespace
}  // namespace athanor::vision
