#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "athanor/base/file.hpp"

namespace athanor::io {

/// Reads the members of a zip file image (PKWARE APPNOTE 6.3.9, with ZIP64): stored or deflated,
/// not encrypted, in one part. PyTorch's and NumPy's files are such.
class ZipReader {
 public:
  /// Reads the central directory. `name` stands in messages; both must outlive the reader. Throws
  /// FormatError for a damaged directory, a name twice, or more than 1,000,000 members.
  ZipReader(std::span<const std::uint8_t> bytes, std::string name);

  struct Member {
    std::uint64_t offset = 0;  ///< of the local header
    std::uint64_t packed = 0;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    std::uint16_t method = 0;  ///< 0 stored, 8 deflated
    bool encrypted = false;
  };
  const std::map<std::string, Member>& members() const { return members_; }
  bool contains(const std::string& member) const { return members_.contains(member); }

  /// The content, checked against its CRC. Throws FormatError for damage, a missing member or one
  /// larger than `limit`; UnsupportedError for other methods and encryption.
  Bytes read(const std::string& member, std::uint64_t limit) const;

 private:
  std::span<const std::uint8_t> bytes_;
  std::string name_;
  std::map<std::string, Member> members_;
};

}  // namespace athanor::io
