#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "athanor/base/file.hpp"

namespace athanor::data {

/// An array in the IDX format of MNIST (LeCun, Cortes, Burges): two zero bytes, a type, the number
/// of dimensions, the dimensions as big-endian 32-bit numbers, the values.
struct IdxArray {
  std::vector<std::int64_t> dims;
  Bytes values;  ///< unsigned bytes, row-major

  std::int64_t count() const { return dims.empty() ? 0 : dims[0]; }
  /// Bytes of one entry of the first dimension.
  std::int64_t stride() const;
};

/// Whether the bytes begin as an IDX file of unsigned bytes with 1 to 4 dimensions.
bool is_idx(std::span<const std::uint8_t> head);

/// Reads IDX from memory, gzipped or not. Types other than unsigned byte, sizes that do not fit the
/// header, truncation and trailing bytes throw FormatError, with `label` in the message.
IdxArray parse_idx(std::span<const std::uint8_t> bytes, const std::string& label,
                   std::uint64_t limit = std::uint64_t{4} << 30);

}  // namespace athanor::data
