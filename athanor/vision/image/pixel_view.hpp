#pragma once

#include <cstddef>
#include <cstdint>

#include "athanor/vision/image/resize.hpp"

// For the sources of this folder: pixels whose rows need not touch each other.

namespace athanor::vision {

struct PixelView {
  const std::uint8_t* pixels = nullptr;
  int width = 0, height = 0, channels = 1;
  std::size_t stride = 0;  ///< bytes from row to row
};

/// resize_region() to memory of width * height * channels bytes, for arguments that were checked
/// there; not for Interpolation::nearest.
void resize_view(const PixelView& in, const Region& region, int width, int height,
                 Interpolation interpolation, std::uint8_t* out);

}  // namespace athanor::vision
