#include "athanor/vision/image/augmentation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/color.hpp"
#include "athanor/vision/image/mix.hpp"
#include "athanor/vision/image/trivial_augment.hpp"
#include "images.hpp"

namespace athanor::vision {
namespace {

using nlohmann::json;
using testing::distance;
using testing::noise;

Augmentation everything() {
  Augmentation a;
  a.resized_crop = ResizedCrop{.width = 40, .height = 32};
  a.crop = PaddedCrop{.width = 36, .height = 30, .padding = 3, .fill = {7, 8, 9, 10}};
  a.horizontal_flip = 0.5f;
  a.vertical_flip = 0.25f;
  a.affine = RandomAffine{
      .degrees = 20, .translate = 0.1f, .scale_min = 0.8f, .scale_max = 1.2f, .shear = 5};
  a.trivial_augment = TrivialAugment{.fill = {1, 1, 1, 1}};
  a.jitter = ColorJitter{.brightness = 0.4f, .contrast = 0.4f, .saturation = 0.4f, .hue = 0.1f};
  a.erasing = RandomErasing{.probability = 0.5f};
  return a;
}

TEST(Augmentation, TheSameKeyGivesTheSamePixels) {
  const Augmentation a = everything();
  for (const int channels : {1, 3, 4}) {
    const Image image = noise(64, 48, channels);
    std::set<std::vector<std::uint8_t>> seen;
    for (std::uint64_t sample = 0; sample < 20; ++sample) {
      Random one({42, sample}), two({42, sample});
      const Image first = augment(image, a, one);
      EXPECT_EQ(augment(image, a, two), first);
      EXPECT_EQ(first.width, 36);
      EXPECT_EQ(first.height, 30);
      EXPECT_EQ(first.channels, channels);
      seen.insert(first.pixels);
    }
    EXPECT_EQ(seen.size(), 20u);
  }
}

TEST(Augmentation, NothingAskedForIsNothingDone) {
  const Image image = noise(20, 10, 3);
  Random random({1, 1});
  EXPECT_EQ(augment(image, {}, random), image);
}

TEST(Augmentation, ComesBackFromItsJson) {
  const Augmentation a = everything();
  EXPECT_EQ(json::parse(json(a).dump()).get<Augmentation>(), a);
  EXPECT_EQ(json(Augmentation{}), json::object());
  const auto parsed =
      json::parse(R"({"horizontal_flip": 0.5, "jitter": {"hue": 0.1}, "crop": null})")
          .get<Augmentation>();
  EXPECT_EQ(parsed.jitter, (ColorJitter{.hue = 0.1f}));
  EXPECT_FALSE(parsed.crop);
}

TEST(Augmentation, WrongJsonIsRefused) {
  for (const char* text :
       {R"(3)", R"({"flip": 0.5})", R"({"horizontal_flip": 2})", R"({"jitter": {"hue": 0.9}})",
        R"({"jitter": {"hues": 0.1}})", R"({"jitter": true})", R"({"crop": {"width": -4}})",
        R"({"resized_crop": {"area_min": 0}})", R"({"affine": {"degrees": 400}})",
        R"({"erasing": {"ratio_min": 0}})", R"({"trivial_augment": {"fill": [1, 2]}})"})
    EXPECT_THROW(json::parse(text).get<Augmentation>(), FormatError) << text;
}

TEST(Augmentation, FlipsComeAsOftenAsTheirProbability) {
  Image image(2, 1, 1);
  image.pixels = {1, 2};
  int flips = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    Random random({9, i});
    flips += random_horizontal_flip(image, 0.3f, random).pixels[0] == 2;
  }
  EXPECT_NEAR(flips, 1200, 5 * std::sqrt(4000 * 0.3 * 0.7));
}

TEST(Augmentation, RandomCropsCoverEveryPlaceEquallyOften) {
  // A picture of 3 with a border of 1 has 3 places for a crop of 3; its middle row starts with one
  // of fill, first or second pixel.
  Image image(3, 3, 1);
  image.pixels = {10, 20, 30, 11, 21, 31, 12, 22, 32};
  std::map<int, int> corner;
  for (std::uint64_t i = 0; i < 9000; ++i) {
    Random random({4, i});
    ++corner[random_crop(image, {.width = 3, .height = 3, .padding = 1}, random).pixels[4]];
  }
  EXPECT_EQ(corner.size(), 9u);
  for (const auto& [level, count] : corner) EXPECT_NEAR(count, 1000, 150) << level;
}

TEST(Augmentation, ACropLargerThanThePictureIsFilledAround) {
  const Image image(4, 4, 3, 200);
  Random random({1, 2});
  const Image out =
      random_crop(image, {.width = 10, .height = 9, .padding = 0, .fill = {5, 6, 7}}, random);
  EXPECT_EQ(out.width, 10);
  EXPECT_EQ(std::count(out.pixels.begin(), out.pixels.end(), 200), 4 * 4 * 3);
  EXPECT_EQ(std::count(out.pixels.begin(), out.pixels.end(), 6), 10 * 9 - 16);
}

TEST(Augmentation, ResizedCropsHaveTheAreasAskedFor) {
  // A gradient over x: the share of it that a crop spans is its width.
  Image image(256, 256, 1);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(i % 256);
  double sum = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {
    Random random({6, i});
    const ResizedCrop params{.width = 64,
                             .height = 8,
                             .area_min = 0.25f,
                             .area_max = 0.25f,
                             .ratio_min = 1,
                             .ratio_max = 1};
    const Image out = random_resized_crop(image, params, random);
    const int span = out.at(63, 4)[0] - out.at(0, 4)[0];
    EXPECT_NEAR(span, 128 * 63.0 / 64, 2);
    sum += out.at(0, 4)[0];
  }
  EXPECT_NEAR(sum / 600, 64 + 0.5, 5 * 37 / std::sqrt(600.0));
}

TEST(Augmentation, ErasingOverwritesOneRectangleOfTheAreaAskedFor) {
  const Image image(100, 100, 1, 0);
  Random random({8, 1});
  const Image out =
      random_erasing(image, {.probability = 1, .area_min = 0.2f, .area_max = 0.2f}, random);
  const auto changed =
      std::count_if(out.pixels.begin(), out.pixels.end(), [](int v) { return v != 0; });
  EXPECT_NEAR(static_cast<double>(changed), 2000 * 255.0 / 256, 100);
}

TEST(TrivialAugment, EveryOperationAtEveryStrengthKeepsTheSize) {
  const Image image = noise(40, 33, 3);
  for (int op = 0; op < kTrivialOps; ++op) {
    SCOPED_TRACE(name_of(static_cast<TrivialOp>(op)));
    for (const int strength : {0, 1, 15, 30}) {
      for (const bool negative : {false, true}) {
        const Image out = apply_trivial(image, static_cast<TrivialOp>(op), strength, negative);
        EXPECT_EQ(out.pixels.size(), image.pixels.size());
        // Strength 0 changes nothing, except where the operation has no strength.
        if (strength == 0 && op < static_cast<int>(TrivialOp::solarize)) {
          EXPECT_EQ(out, image);
        }
      }
    }
  }
  EXPECT_THROW(apply_trivial(image, TrivialOp::rotate, 31, false), ValueError);
}

TEST(TrivialAugment, HasThePapersStrengths) {
  const Image image = noise(40, 33, 3);
  EXPECT_EQ(apply_trivial(image, TrivialOp::posterize, 30, false), posterize(image, 2));
  EXPECT_EQ(apply_trivial(image, TrivialOp::solarize, 30, false), solarize(image, 0));
  EXPECT_EQ(apply_trivial(image, TrivialOp::solarize, 0, false), solarize(image, 255));
  EXPECT_EQ(apply_trivial(image, TrivialOp::brightness, 30, false),
            adjust_brightness(image, 1.99f));
  EXPECT_LE(
      distance(apply_trivial(image, TrivialOp::color, 30, true), adjust_saturation(image, 0.01f)),
      0);
  // 32 pixels to the left: what was at x = 32 comes to 0.
  EXPECT_EQ(apply_trivial(image, TrivialOp::translate_x, 30, false).at(3, 9)[1],
            image.at(35, 9)[1]);
}

TEST(Mix, MixupBlendsEachPictureWithItsPartner) {
  Random random({3, 3});
  const Mix mix = draw_mixup(6, 0.4f, random);
  std::vector<int> sorted = mix.partner;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, (std::vector<int>{0, 1, 2, 3, 4, 5}));
  ASSERT_TRUE(mix.lambda >= 0 && mix.lambda <= 1);
  std::vector<float> in(6 * 2 * 3 * 1), out(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i / 6);
  apply_mix(mix, in, out, 2, 3, 1);
  for (std::size_t i = 0; i < out.size(); ++i)
    EXPECT_NEAR(out[i],
                mix.lambda * static_cast<float>(i / 6) +
                    (1 - mix.lambda) * static_cast<float>(mix.partner[i / 6]),
                1e-5);
  EXPECT_THROW(apply_mix(mix, in, out, 2, 3, 2), ShapeError);
}

TEST(Mix, CutmixTakesTheRectangleFromThePartnerAndLambdaIsWhatIsLeft) {
  for (std::uint64_t i = 0; i < 50; ++i) {
    Random random({5, i});
    const Mix mix = draw_cutmix(3, 16, 12, 1, random);
    std::vector<float> in(3 * 12 * 16 * 2), out(in.size());
    for (std::size_t k = 0; k < in.size(); ++k) in[k] = static_cast<float>(k / (12 * 16 * 2));
    apply_mix(mix, in, out, 12, 16, 2);
    for (std::size_t n = 0; n < 3; ++n) {
      if (mix.partner[n] == static_cast<int>(n)) continue;
      const auto begin = out.begin() + static_cast<std::ptrdiff_t>(n * 12 * 16 * 2);
      const auto own = std::count(begin, begin + 12 * 16 * 2, static_cast<float>(n));
      EXPECT_NEAR(static_cast<double>(own) / (12 * 16 * 2), mix.lambda, 1e-6);
    }
    std::vector<float> targets{1, 0, 0, 0, 1, 0, 0, 0, 1}, mixed(9);
    mix_targets(mix, targets, mixed, 3);
    for (std::size_t n = 0; n < 3; ++n)
      EXPECT_NEAR(std::accumulate(mixed.begin() + static_cast<std::ptrdiff_t>(3 * n),
                                  mixed.begin() + static_cast<std::ptrdiff_t>(3 * n + 3), 0.0f),
                  1, 1e-6);
  }
}

TEST(Mix, LambdaHasTheMomentsOfItsBetaDistribution) {
  // Beta(a, a): mean 1/2, variance 1 / (4 (2 a + 1)).
  for (const float alpha : {0.2f, 1.0f, 3.0f}) {
    double sum = 0, squares = 0;
    const int n = 20000;
    for (int i = 0; i < n; ++i) {
      Random random({11, static_cast<std::uint64_t>(i)});
      const double x = draw_mixup(1, alpha, random).lambda;
      sum += x;
      squares += (x - 0.5) * (x - 0.5);
    }
    const double variance = 1 / (4 * (2 * alpha + 1));
    EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(variance / n));
    EXPECT_NEAR(squares / n, variance, 0.05 * variance);
  }
  Random random({1, 1});
  EXPECT_THROW(draw_mixup(4, 0, random), ValueError);
  EXPECT_THROW(draw_mixup(0, 1, random), ValueError);
}

}  // namespace
}  // namespace athanor::vision
