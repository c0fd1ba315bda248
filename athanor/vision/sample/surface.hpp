#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "athanor/vision/image/image.hpp"

namespace athanor::vision {

/// What can be seen on the surface of a part; the folder names of the demo data set.
inline constexpr std::string_view kSurfaceClasses[] = {"good", "scratch", "dent", "stain"};

/// A generated picture of a machined metal surface: brushed or blasted, unevenly lit, with holes,
/// edges, dust and grinding marks on good and bad parts alike; on a bad one a scratch, a dent or a
/// stain of random size, place and strength. [side x side] RGB. A pure function of (seed, index,
/// surface_class).
Image draw_surface(std::uint64_t seed, std::int64_t index, int surface_class, int side = 128);

struct SurfaceOptions {
  std::int64_t count = 1600;  ///< pictures, the classes equally often
  int side = 128;
  std::uint64_t seed = 0;
};

/// Writes `count` pictures as folder/<class>/<number>.jpg. `progress` (may be empty) hears the
/// number done. Throws RefusalError when the folder exists and is not empty, IoError when it cannot
/// be written.
void write_surface_samples(const std::filesystem::path& folder, const SurfaceOptions& options,
                           const std::function<void(std::int64_t)>& progress = {});

}  // namespace athanor::vision
