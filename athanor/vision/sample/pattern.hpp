#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "athanor/vision/image/image.hpp"

namespace athanor::vision {

/// A generated picture of a visual pattern: a texture of random waves, with lines, curves, cracks,
/// polygons, discs, rings, ellipses, leaves, grids or spots on it. The class fixes the spectrum and
/// direction of the texture, the kind, number, size, contrast and softness of the shapes and their
/// spread; everything else differs from picture to picture. Whoever tells these classes apart has
/// learnt edges, textures and shapes, which is what networks are pretrained for (compare Kataoka et
/// al. 2020, "Pre-training without natural images", and Baradad et al. 2021, "Learning to see by
/// looking at noise"). Grey, [side x side]: form is to be learnt. A pure function
/// of (seed, index, pattern_class).
Image draw_pattern(std::uint64_t seed, std::int64_t index, int pattern_class, int side = 112);

struct PatternOptions {
  std::int64_t count = 24'000;  ///< pictures, the classes equally often
  int classes = 200;
  int side = 112;
  std::uint64_t seed = 0;
};

/// Writes `count` pictures as folder/<class>/<number>.jpg, on all compute threads. `progress` (may
/// be empty) hears the number done. Throws RefusalError when the folder exists and is not empty,
/// IoError when it cannot be written.
void write_pattern_samples(const std::filesystem::path& folder, const PatternOptions& options,
                           const std::function<void(std::int64_t)>& progress = {});

}  // namespace athanor::vision
