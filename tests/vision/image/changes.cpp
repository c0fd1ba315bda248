#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/affine.hpp"
#include "athanor/vision/image/color.hpp"
#include "athanor/vision/image/geometry.hpp"
#include "athanor/vision/image/preprocess.hpp"
#include "images.hpp"

namespace athanor::vision {
namespace {

using nlohmann::json;
using testing::distance;
using testing::index;
using testing::picture;

Image change(const std::string& name, const Image& image, const json& p) {
  const auto fitted = [&](Fit fit) {
    Preprocess preprocess;
    preprocess.width = p.at("width");
    preprocess.height = p.at("height");
    preprocess.fit = fit;
    return fit_image(image, preprocess);
  };
  const std::map<std::string, std::function<Image()>> known = {
      {"brightness", [&] { return adjust_brightness(image, p.at("factor")); }},
      {"contrast", [&] { return adjust_contrast(image, p.at("factor")); }},
      {"saturation", [&] { return adjust_saturation(image, p.at("factor")); }},
      {"sharpness", [&] { return adjust_sharpness(image, p.at("factor")); }},
      {"posterize", [&] { return posterize(image, p.at("bits")); }},
      {"solarize", [&] { return solarize(image, p.at("threshold")); }},
      {"autocontrast", [&] { return autocontrast(image); }},
      {"equalize", [&] { return equalize(image); }},
      {"hue", [&] { return adjust_hue(image, p.at("turns")); }},
      {"affine",
       [&] {
         const auto m = p.at("matrix").get<std::vector<double>>();
         return affine(image, {m[0], m[1], m[2], m[3], m[4], m[5]});
       }},
      {"rotate",
       [&] {
         Movement movement;
         movement.degrees = p.at("degrees");
         return affine(image, map_of(movement, image.width, image.height));
       }},
      {"rotate90", [&] { return rotate90(image, p.at("quarters")); }},
      {"flip_horizontal", [&] { return flip_horizontal(image); }},
      {"flip_vertical", [&] { return flip_vertical(image); }},
      {"pad",
       [&] {
         return pad(image, p.at("left"), p.at("top"), p.at("right"), p.at("bottom"), {9, 9, 9, 9});
       }},
      {"crop", [&] { return crop(image, p.at("x"), p.at("y"), p.at("width"), p.at("height")); }},
      {"letterbox", [&] { return fitted(Fit::letterbox); }},
      {"center_crop", [&] { return fitted(Fit::center_crop); }},
  };
  return known.at(name)();
}

/// Pixels that differ by more than `tolerance`: where a line of source pixels ends, the last digit
/// of a coordinate decides between picture and fill.
double share_beyond(const Image& a, const Image& b, int tolerance) {
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i)
    beyond += std::abs(a.pixels[i] - b.pixels[i]) > tolerance;
  return static_cast<double>(beyond) / static_cast<double>(a.pixels.size());
}

TEST(Changes, GiveWhatPillowGives) {
  for (const auto& test : index().at("change")) {
    SCOPED_TRACE(test.dump());
    const std::string name = test.at("name");
    const Image got = change(name, picture(test.at("source")), test.at("parameters"));
    const Image want = picture(test.at("expect"));
    ASSERT_GE(distance(got, want), 0);
    const double allowed = name == "rotate" || name == "affine" ? 0.002 : 0;
    EXPECT_LE(share_beyond(got, want, test.at("tolerance")), allowed) << distance(got, want);
  }
}

TEST(Changes, LeaveAlphaAlone) {
  const Image image = testing::noise(31, 17, 4);
  for (const Image& out :
       {adjust_brightness(image, 0.5f), adjust_contrast(image, 1.5f), adjust_saturation(image, 0),
        adjust_hue(image, 0.2f), adjust_sharpness(image, 2), posterize(image, 2),
        solarize(image, 10), autocontrast(image), equalize(image)}) {
    for (std::size_t i = 3; i < image.pixels.size(); i += 4)
      ASSERT_EQ(out.pixels[i], image.pixels[i]);
  }
}

TEST(Changes, RefuseParametersOutsideTheirRange) {
  const Image image(9, 7, 3);
  EXPECT_THROW(adjust_brightness(image, -1), ValueError);
  EXPECT_THROW(adjust_hue(image, 0.6f), ValueError);
  EXPECT_THROW(posterize(image, 0), ValueError);
  EXPECT_THROW(solarize(image, 257), ValueError);
  EXPECT_THROW(crop(image, 5, 0, 5, 7), ValueError);
  EXPECT_THROW(crop(image, 0, 0, 0, 1), ValueError);
  EXPECT_THROW(center_crop(image, 10, 7), ValueError);
  EXPECT_THROW(pad(image, -1, 0, 0, 0), ValueError);
  EXPECT_THROW(apply_orientation(image, 9), ValueError);
  EXPECT_THROW(map_of({.scale = 0}, 9, 7), ValueError);
  EXPECT_THROW(affine(image, {.a = 1e9}), ValueError);
}

TEST(Changes, AnOrientationAndItsInverseGiveThePictureBack) {
  static constexpr int kInverse[] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
  for (const int channels : {1, 3, 4}) {
    const Image image = testing::noise(13, 8, channels);
    for (int o = 1; o <= 8; ++o)
      EXPECT_EQ(apply_orientation(apply_orientation(image, o), kInverse[o]), image);
    EXPECT_EQ(rotate90(image, -1), rotate90(image, 3));
    EXPECT_EQ(rotate90(image, 5), rotate90(image, 1));
  }
}

}  // namespace
}  // namespace athanor::vision
