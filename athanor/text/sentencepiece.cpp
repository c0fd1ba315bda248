#include "athanor/text/sentencepiece.hpp"

#include <cstdio>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/text/unicode.hpp"

namespace athanor::text {

std::unique_ptr<SentencePiece> SentencePiece::from_file(const std::filesystem::path& path) {
  return parse(read_text_file(path, kSpFileBytes), path.string());
}

std::unique_ptr<SentencePiece> SentencePiece::parse(std::string_view bytes,
                                                    const std::string& name) {
  std::unique_ptr<SentencePiece> out(new SentencePiece);
  out->encoder_ = SpEncoder(parse_sentencepiece(bytes, name), name);
  for (const SpPiece& p : out->encoder_.model().pieces) out->tokens_.push_back(p.text);
  return out;
}

std::string SentencePiece::normalized(std::string_view text) const {
  return encoder_.normalize(text).text;
}

std::vector<Token> SentencePiece::encode(std::string_view text) const {
  const SpModel& model = encoder_.model();
  const SpNormal normal = encoder_.normalize(text);
  if (normal.text.empty()) return {};
  std::vector<Token> out;
  out.reserve(normal.text.size() / 3 + 1);
  bool after_unknown = false;
  for (const SpPart& p : encoder_.split(normal.text)) {
    const std::int64_t begin = normal.sources[p.begin].begin, end = normal.sources[p.end - 1].end;
    const bool unknown = p.id == model.unknown;
    if (unknown && model.byte_fallback) {
      for (std::size_t k = p.begin; k < p.end; ++k)
        out.push_back({encoder_.byte(static_cast<unsigned char>(normal.text[k])), begin, end});
    } else if (unknown && after_unknown) {
      out.back().end = end;  // a run of unknown characters is one token
    } else {
      out.push_back({p.id, begin, end});
    }
    after_unknown = unknown && !model.byte_fallback;
  }
  return out;
}

std::string SentencePiece::decode(std::span<const std::int64_t> ids) const {
  const SpModel& model = encoder_.model();
  std::string out, bytes;
  bool first = true;
  const auto flush = [&] {
    // Bytes that are no character become U+FFFD each.
    out += valid_utf8(bytes);
    bytes.clear();
  };
  for (const std::int64_t id : ids) {
    (void)token(id);
    const SpPiece& p = encoder_.piece(static_cast<std::int32_t>(id));
    if (p.kind == SpPiece::Kind::byte) {
      unsigned value = 0;
      (void)std::sscanf(p.text.c_str(), "<0x%2X>", &value);
      bytes += static_cast<char>(value);
      first = false;
      continue;
    }
    flush();
    if (p.kind == SpPiece::Kind::control) continue;
    if (p.kind == SpPiece::Kind::unknown) {
      out += model.unknown_surface;
      first = false;
      continue;
    }
    std::string_view rest = p.text;
    if (first && (model.add_dummy_prefix || model.remove_extra_spaces) &&
        rest.starts_with(kSpSpace))
      rest.remove_prefix(kSpSpace.size());
    first = false;
    for (std::size_t at = 0; at < rest.size();) {
      if (rest.substr(at).starts_with(kSpSpace)) {
        out += ' ';
        at += kSpSpace.size();
      } else {
        out += rest[at++];
      }
    }
  }
  flush();
  return out;
}

std::optional<std::int64_t> SentencePiece::id_of(std::string_view token) const {
  const auto at = encoder_.ids().find(token);
  if (at == encoder_.ids().end()) return {};
  return at->second;
}

std::int64_t SentencePiece::unknown() const { return encoder_.model().unknown; }

namespace {

std::optional<std::int64_t> valid_id(std::int64_t id, std::int64_t size) {
  if (id < 0 || id >= size) return {};
  return id;
}

}  // namespace

std::optional<std::int64_t> SentencePiece::start() const {
  return valid_id(encoder_.model().start, size());
}
std::optional<std::int64_t> SentencePiece::end() const {
  return valid_id(encoder_.model().end, size());
}
std::optional<std::int64_t> SentencePiece::padding() const {
  return valid_id(encoder_.model().padding, size());
}

}  // namespace athanor::text
