#include "athanor/data/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "athanor/base/error.hpp"

namespace athanor::data {

namespace {

class Inflater {
 public:
  explicit Inflater(std::span<const std::uint8_t> bytes) : rest_(bytes) {
    // 16: gzip alone, with its checksum verified.
    require<OutOfMemoryError>(::inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK,
                              "zlib: no memory for a decoder");
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream_); }

  /// Appends up to `room` bytes; false once the content has ended.
  bool step(Bytes& out, std::size_t room) {
    const std::size_t before = out.size();
    out.resize(before + room);
    feed();
    stream_.next_out = out.data() + before;
    stream_.avail_out = static_cast<uInt>(room);
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    out.resize(before + room - stream_.avail_out);
    if (status == Z_STREAM_END) return next_member();
    if (status == Z_BUF_ERROR && stream_.avail_in == 0 && rest_.empty())
      raise<FormatError>("gzip: the file is truncated");
    if (status != Z_OK && status != Z_BUF_ERROR)
      raise<FormatError>("gzip: damaged content ({})", stream_.msg ? stream_.msg : "bad stream");
    return true;
  }

 private:
  void feed() {
    if (stream_.avail_in > 0 || rest_.empty()) return;
    const std::size_t n = std::min<std::size_t>(rest_.size(), std::size_t{1} << 30);
    stream_.next_in = const_cast<Bytef*>(rest_.data());
    stream_.avail_in = static_cast<uInt>(n);
    rest_ = rest_.subspan(n);
  }
  bool next_member() {
    feed();
    if (stream_.avail_in == 0) return false;
    // Zero padding after the last member is allowed (gzip(1)).
    const bool padding =
        std::all_of(stream_.next_in, stream_.next_in + stream_.avail_in,
                    [](Bytef b) { return b == 0; }) &&
        std::all_of(rest_.begin(), rest_.end(), [](std::uint8_t b) { return b == 0; });
    if (padding) return false;
    require<FormatError>(::inflateReset(&stream_) == Z_OK, "gzip: damaged content");
    return true;
  }

  std::span<const std::uint8_t> rest_;
  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0x1F && bytes[1] == 0x8B && bytes[2] == 8;
}

Bytes gunzip(std::span<const std::uint8_t> bytes, std::uint64_t limit) {
  require<FormatError>(is_gzip(bytes), "gzip: the first bytes are not those of a gzip file");
  Inflater inflater(bytes);
  Bytes out;
  while (inflater.step(out, std::size_t{256} << 10))
    require<FormatError>(out.size() <= limit, "gzip: more than {} bytes unpacked", limit);
  require<FormatError>(out.size() <= limit, "gzip: more than {} bytes unpacked", limit);
  return out;
}

Bytes gunzip_head(std::span<const std::uint8_t> bytes, std::size_t count) {
  Bytes out;
  if (!is_gzip(bytes)) return out;
  try {
    Inflater inflater(bytes);
    while (out.size() < count && inflater.step(out, count - out.size())) {
    }
  } catch (const FormatError&) {
    // The head that could be read is the answer.
  }
  return out;
}

}  // namespace athanor::data
