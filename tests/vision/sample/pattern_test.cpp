#include "athanor/vision/sample/pattern.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <set>

#include "athanor/base/error.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/vision/image/codec.hpp"

namespace athanor::vision {
namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("athanor-pattern-{}", ::getpid());
  Folder() { fs::remove_all(path); }
  ~Folder() { fs::remove_all(path); }
};

// Mean and deviation of the light, and of its change from pixel to pixel.
std::array<double, 3> statistics(const Image& image) {
  double sum = 0, squares = 0, change = 0;
  const auto n = static_cast<double>(image.width * image.height);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const double v = *image.at(x, y);
      sum += v;
      squares += v * v;
      if (x > 0) change += std::fabs(v - *image.at(x - 1, y));
    }
  return {sum / n, std::sqrt(squares / n - sum / n * sum / n), change / n};
}

TEST(Pattern, IsAPureFunctionOfSeedIndexAndClass) {
  const Image first = draw_pattern(5, 17, 3);
  EXPECT_EQ(first, draw_pattern(5, 17, 3));
  EXPECT_NE(first, draw_pattern(6, 17, 3));
  EXPECT_NE(first, draw_pattern(5, 18, 3));
  EXPECT_NE(first, draw_pattern(5, 17, 4));
  EXPECT_EQ(first.width, 112);
  EXPECT_EQ(first.channels, 1);
}

TEST(Pattern, NoPictureIsBlankAndTheClassesDiffer) {
  std::set<int> textures;
  for (int c = 0; c < 60; ++c) {
    const auto s = statistics(draw_pattern(1, c, c, 96));
    EXPECT_GT(s[1], 1) << "class " << c;
    textures.insert(static_cast<int>(4 * std::log2(1 + s[2])));
  }
  // From smooth clouds to fine grain.
  EXPECT_GE(textures.size(), 8u);
}

TEST(Pattern, EverySizeIsDrawnInFull) {
  for (int side : {32, 33, 64, 200}) {
    const Image image = draw_pattern(1, 2, 9, side);
    EXPECT_EQ(image.pixels.size(), static_cast<std::size_t>(side * side));
  }
  EXPECT_THROW(draw_pattern(1, 2, 9, 31), ValueError);
  EXPECT_THROW(draw_pattern(1, 2, -1), ValueError);
}

TEST(Pattern, AFolderOfThemIsTheSameWhateverTheThreads) {
  std::vector<Image> first;
  for (int threads : {1, 3}) {
    const Folder folder;
    const int before = compute_threads();
    set_compute_threads(threads);
    std::int64_t told = 0;
    write_pattern_samples(folder.path, {.count = 150, .classes = 7, .side = 40, .seed = 2},
                          [&](std::int64_t done) { told = std::max(told, done); });
    set_compute_threads(before);
    EXPECT_EQ(told, 150);
    std::vector<Image> all;
    for (int i = 0; i < 150; ++i)
      all.push_back(decode(read_file(folder.path / fmt::format("pattern-{:04}", i % 7) /
                                     fmt::format("{:07}.jpg", i))));
    if (first.empty()) first = all;
    EXPECT_EQ(all, first) << threads << " threads";
    EXPECT_THROW(write_pattern_samples(folder.path, {.count = 150, .classes = 7}), RefusalError);
  }
}

TEST(Pattern, RefusesImpossibleNumbers) {
  const Folder folder;
  EXPECT_THROW(write_pattern_samples(folder.path, {.count = 5, .classes = 7}), ValueError);
  EXPECT_THROW(write_pattern_samples(folder.path, {.count = 5, .classes = 1}), ValueError);
  EXPECT_FALSE(fs::exists(folder.path));
}

}  // namespace
}  // namespace athanor::vision
