#pragma once

#include <cstdint>
#include <span>

#include "athanor/base/file.hpp"

namespace athanor::data {

/// Whether the bytes begin as a gzip file does.
bool is_gzip(std::span<const std::uint8_t> bytes);

/// The unpacked content; several gzip members in a row are joined (RFC 1952). Throws FormatError
/// when it is damaged or truncated, or larger than `limit` bytes.
Bytes gunzip(std::span<const std::uint8_t> bytes, std::uint64_t limit = std::uint64_t{4} << 30);

/// The first `count` unpacked bytes, fewer when the content ends or breaks before.
Bytes gunzip_head(std::span<const std::uint8_t> bytes, std::size_t count);

}  // namespace athanor::data
