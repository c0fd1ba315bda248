#include "athanor/vision/image/preprocess.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>

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

/// Smooth colours, so that only a shifted or wrongly weighted plane makes a difference.
Image waves(int width, int height) {
  Image image(width, height, 3);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        image.at(x, y)[c] = static_cast<std::uint8_t>(128 + 90 * std::sin(0.05 * x * (c + 1)) *
                                                                std::cos(0.04 * y * (3 - c)));
  return image;
}

double mean_distance(const Image& a, const Image& b) {
  double off = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) off += std::abs(a.pixels[i] - b.pixels[i]);
  return off / static_cast<double>(a.pixels.size());
}

TEST(Preprocess, DecodingToSizeIsAsNearToTheTruthAsDecodingThenScaling) {
  for (const auto& [w, h] : {std::pair(300, 200), std::pair(301, 201), std::pair(97, 161)}) {
    const Image original = waves(w, h);
    for (const int quality : {80, 95}) {  // 4:2:0 and 4:4:4
      const Bytes bytes = encode_jpeg(original, quality);
      for (const Fit fit : {Fit::stretch, Fit::center_crop, Fit::letterbox}) {
        for (const int size : {64, 128, 224}) {
          Preprocess p;
          p.width = size;
          p.height = size;
          p.fit = fit;
          SCOPED_TRACE(fmt::format("{}x{}, quality {}, to {}", w, h, quality, size));
          const Image truth = fit_image(original, p);
          const Image fast = decode_fitted(bytes, p), slow = fit_image(decode(bytes), p);
          EXPECT_LE(mean_distance(fast, truth), 1.25 * mean_distance(slow, truth) + 0.75);
        }
      }
    }
  }
}

TEST(Preprocess, EveryKindOfFileComesInTheSizeOfTheModel) {
  std::string last;
  for (const auto& test : testing::index().at("decode")) {
    if (test.at("file") == last) continue;
    last = test.at("file");
    const Bytes bytes = testing::bytes_of(last);
    for (const int channels : {1, 3}) {
      Preprocess p;
      p.width = 40;
      p.height = 30;
      p.channels = channels;
      p.fit = Fit::letterbox;
      const Image got = decode_fitted(bytes, p);
      // Pictures here have noise of 5 levels: means tell whether it is the same picture.
      const Image want = fit_image(decode(bytes), p);
      ASSERT_GE(testing::distance(got, want), 0) << last;
      EXPECT_LE(mean_distance(got, want), 2) << last;
    }
  }
  for (const auto& test : testing::index().at("refused"))
    EXPECT_THROW(decode_fitted(testing::bytes_of(test.at("file")), {}), FormatError) << test;
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
