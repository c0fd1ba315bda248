#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "athanor/tensor/tensor_map.hpp"

namespace athanor::io {

/// The tensors of a weights file of any kind that is known by its first bytes: safetensors,
/// PyTorch's zip form (since 1.6) and its legacy form. A dictionary under "state_dict",
/// "model_state_dict" or "model" is unwrapped, and "module." is taken off names that all have it.
/// Nothing in the file is executed. Throws IoError, FormatError, UnsupportedError.
TensorMap load_weights(const std::filesystem::path& path);

/// The same for a file image; `name` stands in messages.
TensorMap parse_weights(std::span<const std::uint8_t> bytes, const std::string& name);

/// PyTorch's two forms alone.
TensorMap parse_pth(std::span<const std::uint8_t> bytes, const std::string& name);

}  // namespace athanor::io
