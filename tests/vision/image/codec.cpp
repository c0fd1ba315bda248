#include "athanor/vision/image/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <thread>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/vision/image/geometry.hpp"
#include "images.hpp"

namespace athanor::vision {
namespace {

using testing::bytes_of;
using testing::distance;
using ::testing::HasSubstr;
using testing::index;
using testing::picture;

Color color_named(const std::string& name) {
  return name == "rgb" ? Color::rgb : name == "gray" ? Color::gray : Color::as_is;
}

std::string message_of(const Bytes& bytes) {
  try {
    decode(bytes);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

TEST(Codec, EveryKindOfFileHasPillowsPixels) {
  for (const auto& test : index().at("decode")) {
    SCOPED_TRACE(test.dump());
    const Bytes bytes = bytes_of(test.at("file"));
    const Image want = picture(test.at("expect"));
    DecodeOptions options;
    options.color = color_named(test.at("color"));
    const Image got = decode(bytes, options);
    EXPECT_EQ(got.width, want.width);
    EXPECT_EQ(got.height, want.height);
    ASSERT_EQ(got.channels, options.color == Color::as_is && got.channels == 1 ? 1 : want.channels);
    const int off =
        got.channels == want.channels ? distance(got, want) : distance(to_rgb(got), want);
    EXPECT_LE(off, test.at("tolerance").get<int>());
    EXPECT_GE(off, 0);
  }
}

TEST(Codec, TheHeaderAloneTellsWhatTheWholeFileIs) {
  for (const auto& test : index().at("decode")) {
    if (test.at("color") != "as_is") continue;
    SCOPED_TRACE(test.dump());
    const Bytes bytes = bytes_of(test.at("file"));
    const ImageInfo info = probe(bytes);
    DecodeOptions stored;
    stored.apply_exif_orientation = false;
    const Image image = decode(bytes, stored);
    EXPECT_EQ(image.width, info.width);
    EXPECT_EQ(image.height, info.height);
    EXPECT_EQ(image.channels, info.channels);
    EXPECT_EQ(distance(decode(bytes), apply_orientation(image, info.orientation)), 0);
  }
}

TEST(Codec, WhatIsNoPictureIsRefusedWithWhatItIs) {
  for (const auto& test : index().at("refused")) {
    SCOPED_TRACE(test.dump());
    EXPECT_THAT(message_of(bytes_of(test.at("file"))),
                HasSubstr(test.at("text").get<std::string>()));
  }
}

TEST(Codec, TheLimitOfPixelsIsTheCallers) {
  const Bytes bytes = bytes_of("rgb.png");  // 97 x 61 = 5917
  DecodeOptions options;
  options.max_pixels = 5917;
  EXPECT_NO_THROW(decode(bytes, options));
  options.max_pixels = 5916;
  EXPECT_THROW(decode(bytes, options), FormatError);
}

TEST(Codec, EveryPrefixOfAFileIsRefused) {
  for (const char* name : {"plain.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "rgb.png",
                           "palette4.png", "interlaced.png", "gray16.png", "rgb.bmp", "palette.bmp",
                           "rgb.webp", "lossy.webp", "alpha.webp", "gray16.tif"}) {
    SCOPED_TRACE(name);
    const Bytes whole = bytes_of(name);
    // The last bytes may be padding or a checksum of nothing; a JPEG's end is tested elsewhere.
    const std::size_t most = whole.size() - 16;
    for (int i = 0; i < 60; ++i) {
      const std::size_t size = i < 30 ? static_cast<std::size_t>(i) * 2 : most * (i - 29) / 31;
      const Bytes part(whole.begin(),
                       whole.begin() + static_cast<std::ptrdiff_t>(std::min(size, most)));
      EXPECT_THROW(decode(part), FormatError) << part.size() << " of " << whole.size() << " bytes";
    }
  }
}

TEST(Codec, DamagedFilesGiveAPictureOrAFormatError) {
  Random random({2024, 1});
  int pictures = 0, refusals = 0;
  std::string last;
  for (const auto& test : index().at("decode")) {
    if (test.at("file") == last) continue;
    last = test.at("file");
    const Bytes whole = bytes_of(last);
    for (int round = 0; round < 40; ++round) {
      Bytes bytes = whole;
      const int changes = 1 + static_cast<int>(random.below(6));
      // Headers are short, so half of the damage is done there.
      const std::size_t reach =
          random.flip() ? std::min<std::size_t>(bytes.size(), 200) : bytes.size();
      for (int i = 0; i < changes; ++i) {
        std::uint8_t& byte = bytes[random.below(reach)];
        byte = random.flip() ? static_cast<std::uint8_t>(byte ^ (1u << random.below(8)))
                             : static_cast<std::uint8_t>(random.word());
      }
      DecodeOptions options;
      options.max_pixels = 1'000'000;
      options.color = static_cast<Color>(random.below(3));
      options.target_min_side = random.flip() ? 20 : 0;
      try {
        const Image image = decode(bytes, options);
        EXPECT_NO_THROW(check(image, "test")) << last;
        ++pictures;
      } catch (const FormatError&) {
        ++refusals;
      }
    }
  }
  EXPECT_GT(pictures, 100);
  EXPECT_GT(refusals, 100);
}

TEST(Codec, YcckInksOfAdobeBecomeTheColoursTheyPrint) {
  // Adobe's programs store 255 - ink. Cyan 200, magenta 100, yellow 50, black 25 of 255.
  std::vector<std::uint8_t> cmyk;
  for (int i = 0; i < 32 * 32; ++i) cmyk.insert(cmyk.end(), {55, 155, 205, 230});
  unsigned char* data = nullptr;
  unsigned long size = 0;
  tjhandle handle = tjInitCompress();
  ASSERT_EQ(
      tjCompress2(handle, cmyk.data(), 32, 0, 32, TJPF_CMYK, &data, &size, TJSAMP_444, 100, 0), 0);
  const Bytes bytes(data, data + size);
  tjFree(data);
  tjDestroy(handle);
  const Image image = decode(bytes);
  ASSERT_EQ(image.channels, 3);
  EXPECT_NEAR(image.at(16, 16)[0], 55 * 230 / 255, 2);
  EXPECT_NEAR(image.at(16, 16)[1], 155 * 230 / 255, 2);
  EXPECT_NEAR(image.at(16, 16)[2], 205 * 230 / 255, 2);
}

TEST(Codec, AJpegMayComeSmallerButNotBelowTheTarget) {
  const Image whole = testing::noise(640, 480, 3);
  const Bytes bytes = encode_jpeg(whole, 95);
  const auto size_for = [&](int target) {
    DecodeOptions options;
    options.target_min_side = target;
    const Image image = decode(bytes, options);
    return std::pair(image.width, image.height);
  };
  EXPECT_EQ(size_for(0), std::pair(640, 480));
  EXPECT_EQ(size_for(241), std::pair(640, 480));
  EXPECT_EQ(size_for(240), std::pair(320, 240));
  EXPECT_EQ(size_for(100), std::pair(160, 120));
  EXPECT_EQ(size_for(60), std::pair(80, 60));
  EXPECT_EQ(size_for(1), std::pair(80, 60));
}

TEST(Codec, BytesBetweenJpegSegmentsDoNoHarm) {
  Bytes bytes = bytes_of("plain.jpg");
  const Image whole = decode(bytes);
  bytes.insert(bytes.begin() + 20, {1, 2, 3, 4});  // behind the JFIF segment
  EXPECT_EQ(distance(decode(bytes), whole), 0);
  // But they must not hide that the end is missing.
  bytes.resize(bytes.size() / 2);
  EXPECT_THROW(decode(bytes), FormatError);
}

TEST(Codec, PngKeepsEveryPixel) {
  for (const int channels : {1, 3, 4}) {
    const Image image = testing::noise(37, 23, channels);
    EXPECT_EQ(decode(encode_png(image)), image);
  }
}

TEST(Codec, JpegOfHighQualityKeepsTheColours) {
  for (const int channels : {1, 3}) {
    const Image image = filled(40, 24, channels, {200, 90, 30, 255});
    EXPECT_LE(distance(decode(encode_jpeg(image, 95)), image), 3);
  }
  EXPECT_THROW(encode_jpeg(Image(8, 8, 3), 0), ValueError);
  EXPECT_THROW(encode_jpeg(Image(8, 8, 3), 101), ValueError);
  EXPECT_THROW(encode_png(Image()), ValueError);
}

TEST(Codec, ManyThreadsDecodeAtOnce) {
  const Bytes jpeg = bytes_of("chroma420.JPG"), tiff = bytes_of("gray16.tif");
  const Bytes broken = bytes_of("half.jpg"), exif = bytes_of("exif6.jpg");
  const Image want_jpeg = decode(jpeg), want_tiff = decode(tiff), want_exif = decode(exif);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        if (decode(jpeg) != want_jpeg || decode(tiff) != want_tiff || decode(exif) != want_exif)
          ++wrong;
        try {
          decode(broken);
          ++wrong;
        } catch (const FormatError&) {
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Image, SizesThatNoPictureHasAreRefused) {
  EXPECT_THROW(Image(0, 5, 3), ValueError);
  EXPECT_THROW(Image(5, -1, 3), ValueError);
  EXPECT_THROW(Image(5, 5, 2), ValueError);
  EXPECT_THROW(to_gray(Image()), ValueError);
  Image wrong(4, 4, 3);
  wrong.pixels.pop_back();
  EXPECT_THROW(to_gray(wrong), ValueError);
}

}  // namespace
}  // namespace athanor::vision
