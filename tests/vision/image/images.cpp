#include "images.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"

namespace athanor::vision::testing {

namespace fs = std::filesystem;

namespace {

fs::path make_folder() {
  const fs::path script = fs::path(ATH_SOURCE_DIR) / "tests/vision/image/make_images.py";
  const std::size_t version = std::hash<std::string>{}(read_text_file(script));
  const fs::path ready =
      fs::temp_directory_path() / fmt::format("athanor-images-{}-{:x}", getuid(), version);
  if (fs::exists(ready / "index.json")) return ready;
  // Other processes may be making it too: each makes its own, the first to rename wins.
  const fs::path own = ready.string() + fmt::format(".{}", getpid());
  fs::create_directories(own);
  const std::string command =
      fmt::format("/usr/bin/python3 '{}' '{}'", script.string(), own.string());
  const int status = std::system(command.c_str());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error(
        "the test's pictures could not be made (python3-pil and python3-opencv are needed): " +
        command);
  std::error_code taken;
  fs::rename(own, ready, taken);
  if (taken) fs::remove_all(own);
  return ready;
}

}  // namespace

const fs::path& folder() {
  static const fs::path path = make_folder();
  return path;
}

const nlohmann::json& index() {
  static const nlohmann::json json = nlohmann::json::parse(read_text_file(folder() / "index.json"));
  return json;
}

Bytes bytes_of(const std::string& file) { return read_file(folder() / file); }

Image picture(const nlohmann::json& raw) {
  Image image;
  image.height = raw.at("shape").at(0);
  image.width = raw.at("shape").at(1);
  image.channels = raw.at("shape").at(2);
  image.pixels = bytes_of(raw.at("raw"));
  check(image, "test");
  return image;
}

int distance(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return -1;
  int most = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i)
    most = std::max(most, std::abs(a.pixels[i] - b.pixels[i]));
  return most;
}

Image noise(int width, int height, int channels, std::uint64_t seed) {
  Image image(width, height, channels);
  Random random({seed, 7});
  for (int y = 0; y < height; ++y)
    for (std::size_t i = 0; i < image.row_bytes(); ++i)
      image.row(y)[i] =
          static_cast<std::uint8_t>((static_cast<std::size_t>(y) * 2 + i) % 200 + random.below(56));
  return image;
}

}  // namespace athanor::vision::testing
