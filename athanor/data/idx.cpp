#include "athanor/data/idx.hpp"

#include "athanor/base/error.hpp"
#include "athanor/data/gzip.hpp"

namespace athanor::data {

std::int64_t IdxArray::stride() const {
  std::int64_t n = 1;
  for (std::size_t i = 1; i < dims.size(); ++i) n *= dims[i];
  return n;
}

bool is_idx(std::span<const std::uint8_t> head) {
  return head.size() >= 4 && head[0] == 0 && head[1] == 0 && head[2] == 8 && head[3] >= 1 &&
         head[3] <= 4;
}

IdxArray parse_idx(std::span<const std::uint8_t> bytes, const std::string& label,
                   std::uint64_t limit) {
  if (is_gzip(bytes)) {
    Bytes plain;
    try {
      plain = gunzip(bytes, limit);
    } catch (const FormatError& error) {
      raise<FormatError>("{}: {}", label, error.what());
    }
    require<FormatError>(!is_gzip(plain), "{}: gzip inside gzip", label);
    return parse_idx(plain, label, limit);
  }
  require<FormatError>(bytes.size() >= 4, "{}: {} bytes are too few for an IDX header", label,
                       bytes.size());
  require<FormatError>(bytes[0] == 0 && bytes[1] == 0,
                       "{}: an IDX file begins with two zero bytes, this one with {:#04x} {:#04x}",
                       label, bytes[0], bytes[1]);
  require<FormatError>(bytes[2] == 8,
                       "{}: IDX type {:#04x}; pictures and labels are unsigned bytes (0x08)", label,
                       bytes[2]);
  const std::size_t rank = bytes[3];
  require<FormatError>(rank >= 1 && rank <= 4, "{}: {} dimensions, expected 1 to 4", label, rank);
  const std::size_t header = 4 + 4 * rank;
  require<FormatError>(bytes.size() >= header, "{}: the IDX header is truncated", label);
  IdxArray array;
  std::uint64_t stride = 1;  // kept in its limit even where there are no entries
  for (std::size_t i = 0; i < rank; ++i) {
    const std::uint8_t* p = bytes.data() + 4 + 4 * i;
    const std::uint32_t dim = std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 |
                              std::uint32_t{p[2]} << 8 | std::uint32_t{p[3]};
    array.dims.push_back(dim);
    if (i == 0) continue;
    require<FormatError>(dim > 0, "{}: dimension {} is zero", label, i);
    require<FormatError>(stride <= limit / dim, "{}: the IDX header declares more than {} bytes",
                         label, limit);
    stride *= dim;
  }
  const auto count = static_cast<std::uint64_t>(array.dims[0]);
  require<FormatError>(count <= limit / stride, "{}: the IDX header declares more than {} bytes",
                       label, limit);
  const std::uint64_t total = count * stride;
  const std::uint64_t found = bytes.size() - header;
  require<FormatError>(found >= total, "{}: truncated, {} bytes of values of {}", label, found,
                       total);
  require<FormatError>(found == total, "{}: {} bytes after the last value", label, found - total);
  array.values.assign(bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end());
  return array;
}

}  // namespace athanor::data
