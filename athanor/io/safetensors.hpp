#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "athanor/base/file.hpp"
#include "athanor/tensor/tensor_map.hpp"

namespace athanor::io {

using Metadata = std::map<std::string, std::string>;

/// The content of a safetensors file.
struct Safetensors {
  TensorMap tensors;
  Metadata metadata;
};

/// Largest header that is read, as in the reference implementation.
inline constexpr std::uint64_t kSafetensorsHeaderLimit = 100'000'000;

/// Reads a whole file image; the tensors are copies. `name` stands in messages. 16- and 32-bit
/// types that athanor does not have are widened (I16, U16 -> i32, U32 -> i64). Throws FormatError
/// for bytes that are not safetensors to the letter: header beyond the limit or the file, a key
/// twice, an unknown field or dtype, offsets that leave a gap, overlap, or do not fit shape and
/// dtype; UnsupportedError for U64 and 8-bit floats.
Safetensors parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& name);

Safetensors read_safetensors(const std::filesystem::path& path);

/// As read_safetensors(), but tensors that are aligned in the file are views of its memory map:
/// they must not be written to, and the file must not be cut short while they live.
Safetensors map_safetensors(const std::filesystem::path& path);

/// Bytes of the length field and the header, padded to 8, for these tensors: larger dtypes first,
/// then by name, so the same tensors give the same bytes.
std::string safetensors_header(const TensorMap& tensors, const Metadata& metadata);

/// The file image.
Bytes safetensors_bytes(const TensorMap& tensors, const Metadata& metadata = {});

/// Writes beside the target, syncs, renames. Throws IoError.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const Metadata& metadata = {});

}  // namespace athanor::io
