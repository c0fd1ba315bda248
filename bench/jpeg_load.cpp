// JPEG files to 224x224 pictures, one thread, in pictures per second of processor time.
//
//   bench_jpeg_load FOLDER [--seconds S] [--write FOLDER]
//
// Prints one JSON line for each way to do it. --write stores the pixels as N-<way>.raw, so that
// bench/jpeg_load.py can compare them with OpenCV's before it believes any time.

#include <fmt/format.h>

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "athanor/base/heap.hpp"
#include "athanor/vision/image/codec.hpp"
#include "athanor/vision/image/preprocess.hpp"
#include "athanor/vision/image/resize.hpp"

namespace {

using namespace athanor;
using namespace athanor::vision;

Preprocess to_224(Interpolation interpolation) {
  Preprocess p;
  p.interpolation = interpolation;
  p.mean = {0.485f, 0.456f, 0.406f};
  p.std = {0.229f, 0.224f, 0.225f};
  return p;
}

Image load(const Bytes& bytes, Interpolation interpolation) {
  return resize(decode(bytes), 224, 224, interpolation);
}

/// Processor time of this thread: the rate per core, also on a machine that others use.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Way {
  const char* name;
  Image (*run)(const Bytes&);
};

constexpr Way kWays[] = {
    {"decode", [](const Bytes& bytes) { return decode(bytes); }},
    {"decode_resize224_bilinear",
     [](const Bytes& bytes) { return load(bytes, Interpolation::bilinear); }},
    {"decode_resize224_antialias",
     [](const Bytes& bytes) { return load(bytes, Interpolation::antialias); }},
    // What training and prediction call: planes are scaled before colours are converted.
    {"decode_resize224",
     [](const Bytes& bytes) { return decode_fitted(bytes, to_224(Interpolation::antialias)); }},
    {"decode_resize224_normalize",
     [](const Bytes& bytes) {
       static std::vector<float> out(224 * 224 * 3);
       preprocess(bytes, to_224(Interpolation::antialias), out.data());
       return Image(1, 1, 1);
     }},
};

}  // namespace

int main(int count, char** arguments) {
  keep_freed_memory();  // as the program does
  double seconds = 2;
  std::string folder, write;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--seconds" && i + 1 < count)
      seconds = std::atof(arguments[++i]);
    else if (argument == "--write" && i + 1 < count)
      write = arguments[++i];
    else
      folder = argument;
  }
  if (folder.empty()) {
    fmt::print(stderr, "usage: bench_jpeg_load FOLDER [--seconds S] [--write FOLDER]\n");
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> files;
  for (const auto& path : paths) files.push_back(read_file(path));
  if (files.empty()) {
    fmt::print(stderr, "{}: no .jpg files\n", folder);
    return 4;
  }
  for (const Way& way : kWays) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      const Image image = way.run(files[i]);
      if (!write.empty())
        write_file_atomic(std::filesystem::path(write) / fmt::format("{}-{}.raw", i, way.name),
                          image.pixels);
    }
    std::vector<double> rounds;
    for (double spent = 0; rounds.size() < 3 || spent < seconds; spent += rounds.back()) {
      const double begin = cpu_seconds();
      for (const Bytes& bytes : files) way.run(bytes);
      rounds.push_back(cpu_seconds() - begin);
    }
    std::nth_element(rounds.begin(), rounds.begin() + rounds.size() / 2, rounds.end());
    fmt::print("{{\"workload\": \"jpeg_{}\", \"images_per_s\": {:.1f}, \"rounds\": {}}}\n",
               way.name, files.size() / rounds[rounds.size() / 2], rounds.size());
  }
  return 0;
}
