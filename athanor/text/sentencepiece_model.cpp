#include "athanor/text/sentencepiece_model.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "athanor/base/error.hpp"

namespace athanor::text {

namespace {

// Protocol Buffers' wire format, read without building anything: every length is checked against
// what is left.
class Wire {
 public:
  Wire(std::string_view bytes, const std::string& name) : rest_(bytes), name_(name) {}

  /// The next field; false at the end.
  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t tag = varint();
    field = tag >> 3;
    type = static_cast<int>(tag & 7);
    if (type == 0) {
      number = varint();
    } else if (type == 1) {
      bytes = take(8);
    } else if (type == 2) {
      const std::uint64_t length = varint();
      bytes = take(length);
    } else if (type == 5) {
      bytes = take(4);
    } else {
      fail(fmt::format("wire type {}", type));
    }
    return true;
  }

  float real() const {
    if (type != 5) fail(fmt::format("field {} is no float", field));
    std::uint32_t bits;
    std::memcpy(&bits, bytes.data(), 4);
    return std::bit_cast<float>(bits);
  }
  std::string_view text() const {
    if (type != 2) fail(fmt::format("field {} is no text", field));
    return bytes;
  }
  std::uint64_t integer() const {
    if (type != 0) fail(fmt::format("field {} is no number", field));
    return number;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(fmt::format("{}: no SentencePiece model ({}, {} bytes before the end)", name_,
                                  what, rest_.size()));
  }

  std::uint64_t field = 0, number = 0;
  int type = 0;
  std::string_view bytes;

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail("a number of more than 64 bits");
  }
  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) fail(fmt::format("{} bytes wanted, {} left", count, rest_.size()));
    const std::string_view out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }

  std::string_view rest_;
  const std::string& name_;
};

SpPiece parse_piece(Wire piece) {
  SpPiece out;
  while (piece.next()) {
    if (piece.field == 1) out.text = piece.text();
    if (piece.field == 2) out.score = piece.real();
    if (piece.field == 3) {
      const std::uint64_t kind = piece.integer();
      if (kind < 1 || kind > 6) piece.fail(fmt::format("a piece of kind {}", kind));
      out.kind = static_cast<SpPiece::Kind>(kind);
    }
  }
  if (!std::isfinite(out.score)) piece.fail(fmt::format("the score {}", out.score));
  return out;
}

void parse_trainer(Wire spec, SpModel& model) {
  const auto id = [&] { return static_cast<std::int32_t>(spec.integer()); };
  while (spec.next()) {
    if (spec.field == 3) {
      if (spec.integer() < 1 || spec.integer() > 4)
        spec.fail(fmt::format("model type {}", spec.integer()));
      model.algorithm = static_cast<SpModel::Algorithm>(spec.integer());
    }
    if (spec.field == 24) model.space_behind = spec.integer() != 0;
    if (spec.field == 35) model.byte_fallback = spec.integer() != 0;
    if (spec.field == 40) model.unknown = id();
    if (spec.field == 41) model.start = id();
    if (spec.field == 42) model.end = id();
    if (spec.field == 43) model.padding = id();
    if (spec.field == 44) model.unknown_surface = spec.text();
  }
}

void parse_normalizer(Wire spec, SpModel& model) {
  while (spec.next()) {
    if (spec.field == 2) model.charsmap = spec.text();
    if (spec.field == 3) model.add_dummy_prefix = spec.integer() != 0;
    if (spec.field == 4) model.remove_extra_spaces = spec.integer() != 0;
    if (spec.field == 5) model.escape_spaces = spec.integer() != 0;
  }
}

}  // namespace

SpModel parse_sentencepiece(std::string_view bytes, const std::string& name) {
  SpModel model;
  Wire file(bytes, name);
  while (file.next()) {
    if (file.field == 1) model.pieces.push_back(parse_piece(Wire(file.text(), name)));
    if (file.field == 2) parse_trainer(Wire(file.text(), name), model);
    if (file.field == 3) parse_normalizer(Wire(file.text(), name), model);
  }
  require<FormatError>(!model.pieces.empty(), "{}: no SentencePiece model (it has no pieces)",
                       name);
  std::int64_t unknown = -1;
  std::size_t all = 0;
  for (std::size_t i = 0; i < model.pieces.size(); ++i) {
    const std::size_t size = model.pieces[i].text.size();
    require<FormatError>(size > 0, "{}: piece {} is empty", name, i);
    require<FormatError>(size <= kSpPieceBytes, "{}: piece {} has {} bytes; {} are the most", name,
                         i, size, kSpPieceBytes);
    all += size;
    require<FormatError>(all <= kSpAllPieceBytes,
                         "{}: its pieces have more than {} bytes together (up to piece {} of {})",
                         name, kSpAllPieceBytes, i, model.pieces.size());
    if (model.pieces[i].kind != SpPiece::Kind::unknown) continue;
    require<FormatError>(unknown < 0, "{}: pieces {} and {} are both the unknown one", name,
                         unknown, i);
    unknown = static_cast<std::int64_t>(i);
  }
  require<FormatError>(unknown >= 0, "{}: none of the {} pieces is the unknown one", name,
                       model.pieces.size());
  model.unknown = unknown;
  return model;
}

namespace {

// Where the children of a node of the double array lie, relative to it.
std::size_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

}  // namespace

CharsMap::CharsMap(std::string_view blob, const std::string& name) {
  if (blob.empty()) return;
  std::uint32_t size = 0;
  if (blob.size() >= 4) std::memcpy(&size, blob.data(), 4);
  require<FormatError>(blob.size() >= 8 && size % 4 == 0 && size > 0 && size <= blob.size() - 4,
                       "{}: its rules of normalisation say {} bytes of {}", name, size,
                       blob.size());
  units_.resize(size / 4);
  std::memcpy(units_.data(), blob.data() + 4, size);
  texts_ = blob.substr(4 + size);
  require<FormatError>(!texts_.empty() && texts_.back() == '\0',
                       "{}: the texts of its rules of normalisation do not end", name);
  for (std::size_t at = 0; at < texts_.size();) {
    const std::size_t end = texts_.find('\0', at);
    require<FormatError>(end - at <= kSpRuleBytes,
                         "{}: a rule of normalisation gives {} bytes; {} are the most", name,
                         end - at, kSpRuleBytes);
    at = end + 1;
  }
  const std::size_t root = offset_of(units_[0]);
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::size_t node = root ^ byte;
    begins_[byte] = node < units_.size() && (units_[node] & ((1u << 31) | 0xFF)) == byte;
  }
}

std::size_t CharsMap::longest_from(std::string_view text, std::string_view& becomes) const {
  std::size_t found = 0, node = offset_of(units_[0]);
  const std::size_t most = std::min(text.size(), kSpRuleBytes);
  for (std::size_t i = 0; i < most; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size()) break;
    const std::uint32_t unit = units_[node];
    if ((unit & ((1u << 31) | 0xFF)) != byte) break;
    node ^= offset_of(unit);
    if (node >= units_.size()) break;
    if (!(unit >> 8 & 1)) continue;
    const std::size_t start = units_[node] & 0x7FFFFFFF;
    if (start >= texts_.size()) break;
    becomes = std::string_view(texts_.c_str() + start);
    found = i + 1;
  }
  return found;
}

}  // namespace athanor::text
