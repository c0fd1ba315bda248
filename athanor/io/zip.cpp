#include "athanor/io/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <optional>

#include "athanor/base/error.hpp"

namespace athanor::io {

namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd64 = 0x06064b50,
                        kLocator64 = 0x07064b50;
constexpr std::uint64_t kMaxMembers = 1'000'000;
constexpr std::size_t kEndSize = 22, kCommentLimit = 65535;

// Bounds-checked little-endian numbers.
class View {
 public:
  View(std::span<const std::uint8_t> bytes, const std::string& name) : bytes_(bytes), name_(name) {}
  std::uint64_t number(std::uint64_t at, std::size_t width) const {
    std::uint64_t value = 0;
    const auto part = slice(at, width);
    for (std::size_t i = 0; i < width; ++i) value |= std::uint64_t{part[i]} << (8 * i);
    return value;
  }
  std::span<const std::uint8_t> slice(std::uint64_t at, std::uint64_t size) const {
    require<FormatError>(at <= bytes_.size() && size <= bytes_.size() - at,
                         "{}: the zip file is damaged or cut short: bytes {} to {} of {}", name_,
                         at, at + size, bytes_.size());
    return bytes_.subspan(at, size);
  }

 private:
  std::span<const std::uint8_t> bytes_;
  const std::string& name_;
};

// The end record stands last, behind it a comment of at most 64 KiB.
std::optional<std::size_t> find_end(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kEndSize) return std::nullopt;
  const std::size_t first = bytes.size() - kEndSize;
  const std::size_t stop = first > kCommentLimit ? first - kCommentLimit : 0;
  for (std::size_t at = first + 1; at-- > stop;) {
    if (bytes[at] != 'P' || bytes[at + 1] != 'K' || bytes[at + 2] != 5 || bytes[at + 3] != 6)
      continue;
    const std::size_t comment = bytes[at + 20] | std::size_t{bytes[at + 21]} << 8;
    if (at + kEndSize + comment == bytes.size()) return at;
  }
  return std::nullopt;
}

}  // namespace

ZipReader::ZipReader(std::span<const std::uint8_t> bytes, std::string name)
    : bytes_(bytes), name_(std::move(name)) {
  const View view(bytes_, name_);
  const auto end = find_end(bytes);
  require<FormatError>(end.has_value(), "{}: no end of a zip file was found; it is cut short",
                       name_);
  std::uint64_t count = view.number(*end + 10, 2), size = view.number(*end + 12, 4),
                at = view.number(*end + 16, 4);
  if (*end >= 20 && view.number(*end - 20, 4) == kLocator64) {
    const std::uint64_t end64 = view.number(*end - 12, 8);
    require<FormatError>(view.number(end64, 4) == kEnd64, "{}: the ZIP64 end record is damaged",
                         name_);
    count = view.number(end64 + 32, 8);
    size = view.number(end64 + 40, 8);
    at = view.number(end64 + 48, 8);
  }
  require<FormatError>(count <= kMaxMembers, "{}: the zip file has {} members, the limit is {}",
                       name_, count, kMaxMembers);
  view.slice(at, size);
  for (std::uint64_t i = 0; i < count; ++i) {
    require<FormatError>(view.number(at, 4) == kCentral, "{}: the zip directory is damaged", name_);
    const std::uint64_t flags = view.number(at + 8, 2), name_size = view.number(at + 28, 2),
                        extra_size = view.number(at + 30, 2),
                        comment_size = view.number(at + 32, 2);
    Member member;
    member.method = static_cast<std::uint16_t>(view.number(at + 10, 2));
    member.crc = static_cast<std::uint32_t>(view.number(at + 16, 4));
    member.packed = view.number(at + 20, 4);
    member.size = view.number(at + 24, 4);
    member.offset = view.number(at + 42, 4);
    member.encrypted = (flags & 1) != 0;
    const auto text = view.slice(at + 46, name_size);
    // ZIP64: the fields that are all ones stand in the extra field, in this order.
    std::uint64_t extra = at + 46 + name_size;
    const std::uint64_t extra_end = extra + extra_size;
    while (extra + 4 <= extra_end) {
      const std::uint64_t id = view.number(extra, 2), length = view.number(extra + 2, 2);
      std::uint64_t field = extra + 4;
      extra = field + length;
      require<FormatError>(extra <= extra_end, "{}: the zip directory is damaged", name_);
      if (id != 1) continue;
      for (std::uint64_t* value : {&member.size, &member.packed, &member.offset}) {
        if (*value != 0xffffffffu) continue;
        require<FormatError>(field + 8 <= extra, "{}: the zip directory is damaged", name_);
        *value = view.number(field, 8);
        field += 8;
      }
    }
    std::string key(text.begin(), text.end());
    require<FormatError>(members_.emplace(key, member).second, "{}: the zip file holds '{}' twice",
                         name_, key);
    at = extra_end + comment_size;
  }
}

Bytes ZipReader::read(const std::string& key, std::uint64_t limit) const {
  const auto found = members_.find(key);
  require<FormatError>(found != members_.end(), "{}: the zip file has no member '{}'", name_, key);
  const Member& member = found->second;
  require<UnsupportedError>(!member.encrypted && (member.method == 0 || member.method == 8),
                            "{}: member '{}' is {}; only stored and deflated ones can be read",
                            name_, key, member.encrypted ? "encrypted" : "packed in another way");
  require<FormatError>(member.size <= limit, "{}: member '{}' has {} bytes, the limit is {}", name_,
                       key, member.size, limit);
  const View view(bytes_, name_);
  require<FormatError>(view.number(member.offset, 4) == kLocal,
                       "{}: the zip entry of '{}' is damaged", name_, key);
  const std::uint64_t data =
      member.offset + 30 + view.number(member.offset + 26, 2) + view.number(member.offset + 28, 2);
  const auto packed = view.slice(data, member.packed);
  Bytes out;
  if (member.method == 0) {
    require<FormatError>(member.packed == member.size,
                         "{}: stored member '{}' has two sizes, {} and {}", name_, key,
                         member.packed, member.size);
    out.assign(packed.begin(), packed.end());
  } else {
    // Deflate cannot grow more than 1032 times: a larger claim is not believed, nor allocated.
    require<FormatError>(member.size <= 1032 * member.packed + 64,
                         "{}: member '{}' claims {} bytes from {}", name_, key, member.size,
                         member.packed);
    out.resize(member.size);
    z_stream stream{};
    require<InternalError>(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "zlib cannot start");
    stream.next_in = const_cast<std::uint8_t*>(packed.data());
    std::uint8_t nothing = 0;  // zlib refuses a null pointer, even for no bytes
    stream.next_out = out.empty() ? &nothing : out.data();
    std::uint64_t in_left = packed.size(), out_left = out.size();
    int code = Z_OK;
    // zlib counts in 32 bits.
    while (code == Z_OK) {
      const auto in = static_cast<uInt>(std::min<std::uint64_t>(in_left, 1u << 30));
      const auto room = static_cast<uInt>(std::min<std::uint64_t>(out_left, 1u << 30));
      stream.avail_in = in;
      stream.avail_out = room;
      code = inflate(&stream, Z_NO_FLUSH);
      in_left -= in - stream.avail_in;
      out_left -= room - stream.avail_out;
    }
    inflateEnd(&stream);
    require<FormatError>(code == Z_STREAM_END && out_left == 0,
                         "{}: the deflated member '{}' is damaged", name_, key);
  }
  const auto crc = static_cast<std::uint32_t>(crc32_z(0, out.data(), out.size()));
  require<FormatError>(crc == member.crc,
                       "{}: member '{}' is damaged: its CRC is {:08x}, {:08x} was written", name_,
                       key, crc, member.crc);
  return out;
}

}  // namespace athanor::io
