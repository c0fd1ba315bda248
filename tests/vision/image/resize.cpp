#include "athanor/vision/image/resize.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/geometry.hpp"
#include "images.hpp"

namespace athanor::vision {
namespace {

using testing::distance;
using testing::index;
using testing::noise;
using testing::picture;

TEST(Resize, IsWithinOneLevelOfPillowAndOpenCv) {
  for (const auto& test : index().at("resize")) {
    const Image source = picture(test.at("source"));
    const std::string method = test.at("method");
    SCOPED_TRACE(test.dump());
    const auto interpolation = method == "antialias"  ? Interpolation::antialias
                               : method == "bilinear" ? Interpolation::bilinear
                                                      : Interpolation::nearest;
    Region region{0, 0, double(source.width), double(source.height)};
    if (test.contains("box")) {
      const auto box = test.at("box").get<std::vector<double>>();
      region = {box[0], box[1], box[2], box[3]};
    }
    const Image got =
        resize_region(source, region, test.at("size").at(0), test.at("size").at(1), interpolation);
    const int off = distance(got, picture(test.at("expect")));
    EXPECT_GE(off, 0);
    EXPECT_LE(off, interpolation == Interpolation::nearest ? 0 : 1);
  }
}

TEST(Resize, APlainColourStaysThatColourAtAnyScale) {
  for (const auto& [from, to] : {std::pair(1, 50), std::pair(50, 1), std::pair(33, 47),
                                 std::pair(3000, 7), std::pair(3000, 40), std::pair(16, 16)}) {
    for (const int level : {0, 1, 127, 128, 254, 255}) {
      const Image image(from, 5, 3, static_cast<std::uint8_t>(level));
      for (const auto how : {Interpolation::antialias, Interpolation::bilinear})
        EXPECT_EQ(resize_region(image, {0, 0, double(from), 5}, to, 9, how),
                  Image(to, 9, 3, static_cast<std::uint8_t>(level)))
            << from << " to " << to << " level " << level;
    }
  }
}

TEST(Resize, TheSameSizeGivesTheSamePixels) {
  const Image image = noise(61, 47, 3);
  EXPECT_EQ(resize(image, 61, 47), image);
  EXPECT_EQ(resize_region(image, {0, 0, 61, 47}, 61, 47), image);
  EXPECT_EQ(resize_region(image, {10, 5, 30, 20}, 30, 20, Interpolation::bilinear),
            crop(image, 10, 5, 30, 20));
}

TEST(Resize, EveryInstructionSetGivesTheSameBytes) {
  const Image image = noise(203, 131, 3), tall = noise(3, 4000, 1);
  std::vector<Image> first;
  std::int64_t left = hwy::SupportedTargets();
  while (left != 0) {
    const std::int64_t target = left & -left;
    left &= left - 1;
    hwy::SetSupportedTargetsForTest(target);
    const std::vector<Image> now = {resize(image, 90, 77), resize(image, 500, 31),
                                    resize(image, 90, 77, Interpolation::bilinear),
                                    resize(tall, 5, 13)};
    if (first.empty()) first = now;
    for (std::size_t i = 0; i < now.size(); ++i)
      EXPECT_EQ(now[i], first[i]) << hwy::TargetName(target) << ", picture " << i;
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Resize, RegionsOutsideAndEmptySizesAreRefused) {
  const Image image(10, 8, 3);
  EXPECT_THROW(resize(image, 0, 5), ValueError);
  EXPECT_THROW(resize(image, 5, -1), ValueError);
  EXPECT_THROW(resize_region(image, {0, 0, 11, 8}, 5, 5), ValueError);
  EXPECT_THROW(resize_region(image, {-0.5, 0, 5, 5}, 5, 5), ValueError);
  EXPECT_THROW(resize_region(image, {2, 2, 0, 5}, 5, 5), ValueError);
  EXPECT_THROW(resize(Image(), 5, 5), ValueError);
}

TEST(Resize, ATinyRegionIsTakenFromThePixelItLiesIn) {
  Image image(4, 1, 1);
  image.pixels = {10, 20, 30, 40};
  const Image got = resize_region(image, {2.4, 0, 0.2, 1}, 1, 1);
  EXPECT_EQ(got.pixels[0], 30);
}

}  // namespace
}  // namespace athanor::vision
