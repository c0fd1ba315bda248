#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "athanor/vision/image/codec.hpp"

namespace athanor::vision::testing {

/// The folder that make_images.py filled; it is made once for each version of that script.
const std::filesystem::path& folder();

/// index.json of that folder; the header of make_images.py describes it.
const nlohmann::json& index();

Bytes bytes_of(const std::string& file);

/// Expected or source pixels: {"raw": file, "shape": [height, width, channels]}.
Image picture(const nlohmann::json& raw);

/// The largest difference of two levels, -1 when the sizes differ.
int distance(const Image& a, const Image& b);

/// A picture of noise over a gradient, for properties that hold for any picture.
Image noise(int width, int height, int channels, std::uint64_t seed = 1);

}  // namespace athanor::vision::testing
