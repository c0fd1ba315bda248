#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "athanor/base/error.hpp"
#include "athanor/data/archive.hpp"
#include "athanor/data/names.hpp"

// The zip format: APPNOTE.TXT 6.3.10 of PKWARE, sections 4.3.7 (local header), 4.3.12 (central
// directory) and 4.3.16 (its end). Members are stored: weights do not compress.

namespace athanor::data {

namespace {

constexpr std::uint16_t kVersion = 20;     // 2.0: folders
constexpr std::uint16_t kMadeBy = 3 << 8;  // Unix
constexpr std::uint16_t kUtf8Names = 1 << 11;
constexpr std::uint16_t kTime = 0;             // 00:00:00
constexpr std::uint16_t kDate = (1 << 5) | 1;  // 1980-01-01, the format's first day
constexpr std::uint32_t kRegularFile = 0100644u << 16;

void put16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}
void put32(Bytes& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value));
  put16(out, static_cast<std::uint16_t>(value >> 16));
}

std::uint32_t checksum(const Bytes& bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, bytes.data(), bytes.size()));
}

// The fields that the local header and the central directory share.
void put_common(Bytes& out, const ZipMember& member, std::uint32_t crc) {
  put16(out, kVersion);
  put16(out, kUtf8Names);
  put16(out, 0);  // stored
  put16(out, kTime);
  put16(out, kDate);
  put32(out, crc);
  put32(out, static_cast<std::uint32_t>(member.bytes.size()));
  put32(out, static_cast<std::uint32_t>(member.bytes.size()));
  put16(out, static_cast<std::uint16_t>(member.name.size()));
  put16(out, 0);  // extra field
}

void put_bytes(Bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

}  // namespace

void write_zip(const std::filesystem::path& path, std::vector<ZipMember> members) {
  std::sort(members.begin(), members.end(),
            [](const ZipMember& a, const ZipMember& b) { return a.name < b.name; });
  std::uint64_t total = 22;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string& name = members[i].name;
    require(is_utf8(name) && safe_member_name(name, path.string()) == name,
            "write_zip: '{}' is no plain relative UTF-8 name", name);
    require(i == 0 || members[i - 1].name != name, "write_zip: '{}' is given twice", name);
    total += 30 + 46 + 2 * name.size() + members[i].bytes.size();
  }
  require(members.size() < 0xFFFF, "write_zip: {} members, the format holds 65,534",
          members.size());
  require(total < std::numeric_limits<std::uint32_t>::max(),
          "write_zip: {} bytes in all, at most 4 GiB fit", total);
  Bytes out, directory;
  out.reserve(total);
  for (ZipMember& member : members) {
    const auto offset = static_cast<std::uint32_t>(out.size());
    const std::uint32_t crc = checksum(member.bytes);
    put32(out, 0x04034b50);
    put_common(out, member, crc);
    put_bytes(out, member.name);
    out.insert(out.end(), member.bytes.begin(), member.bytes.end());

    put32(directory, 0x02014b50);
    put16(directory, kMadeBy | kVersion);
    put_common(directory, member, crc);
    put16(directory, 0);  // comment
    put16(directory, 0);  // disk
    put16(directory, 0);  // internal attributes
    put32(directory, kRegularFile);
    put32(directory, offset);
    put_bytes(directory, member.name);
    member.bytes = {};
  }
  const auto offset = static_cast<std::uint32_t>(out.size());
  out.insert(out.end(), directory.begin(), directory.end());
  put32(out, 0x06054b50);
  put16(out, 0);
  put16(out, 0);
  put16(out, static_cast<std::uint16_t>(members.size()));
  put16(out, static_cast<std::uint16_t>(members.size()));
  put32(out, static_cast<std::uint32_t>(directory.size()));
  put32(out, offset);
  put16(out, 0);
  write_file_atomic(path, out);
}

}  // namespace athanor::data
