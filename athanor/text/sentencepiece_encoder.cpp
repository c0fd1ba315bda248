#include "athanor/text/sentencepiece_encoder.hpp"

#include <algorithm>
#include <cstdio>

#include "athanor/base/error.hpp"
#include "athanor/text/unicode.hpp"

namespace athanor::text {

SpEncoder::SpEncoder(SpModel model, const std::string& name) : model_(std::move(model)) {
  using Algorithm = SpModel::Algorithm;
  require<UnsupportedError>(
      model_.algorithm == Algorithm::unigram || model_.algorithm == Algorithm::bpe,
      "{}: a SentencePiece model of the kind {}; unigram and bpe are supported", name,
      model_.algorithm == Algorithm::word ? "word" : "char");
  rules_ = CharsMap(model_.charsmap, name);
  bytes_.fill(-1);
  std::vector<std::pair<std::string_view, std::int32_t>> plain, symbols;
  bool first = true;
  for (std::size_t i = 0; i < model_.pieces.size(); ++i) {
    const SpPiece& p = model_.pieces[i];
    const auto id = static_cast<std::int32_t>(i);
    require<FormatError>(ids_.try_emplace(p.text, id).second, "{}: piece {} ('{}') stands twice",
                         name, i, valid_utf8(p.text));
    using Kind = SpPiece::Kind;
    if (p.kind == Kind::byte) add_byte(id, name);
    if (p.kind == Kind::normal) {
      lowest_ = first ? p.score : std::min(lowest_, p.score);
      highest_ = first ? p.score : std::max(highest_, p.score);
      first = false;
    }
    if (p.kind == Kind::user) symbols.emplace_back(p.text, id);
    if (p.kind == Kind::normal || p.kind == Kind::user || p.kind == Kind::unused)
      plain.emplace_back(p.text, id);
  }
  require<FormatError>(!model_.byte_fallback || std::none_of(bytes_.begin(), bytes_.end(),
                                                             [](std::int32_t b) { return b < 0; }),
                       "{}: it falls back to bytes, and lacks the piece of one", name);
  pieces_ = PieceTrie(std::move(plain));
  symbols_ = PieceTrie(std::move(symbols));
}

void SpEncoder::add_byte(std::int32_t id, const std::string& name) {
  const std::string& text = piece(id).text;
  unsigned value = 0;
  const bool good = text.size() == 6 && text.starts_with("<0x") && text.ends_with('>') &&
                    std::sscanf(text.c_str(), "<0x%2X>", &value) == 1;
  require<FormatError>(good, "{}: piece {} ('{}') should stand for a byte", name, id,
                       valid_utf8(text));
  bytes_[value] = id;
}

std::size_t SpEncoder::symbol_at(std::string_view s, std::size_t i) const {
  std::size_t found = 0;
  symbols_.prefixes(s, i, [&](std::size_t length, std::int32_t) { found = length; });
  return found;
}

std::size_t sp_length_at(std::string_view s, std::size_t i) {
  const auto first = static_cast<unsigned char>(s[i]);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(length, s.size() - i);
}

SpNormal SpEncoder::normalize(std::string_view given) const {
  // The rules look at valid UTF-8.
  const CodePoints points = text::decode(given);
  std::string s;
  std::vector<std::uint32_t> places;  // by byte of s
  s.reserve(given.size());
  places.reserve(given.size());
  for (const CodePoint& c : points) {
    append(s, c.value >= kBadByte ? kReplacement : c.value);
    places.resize(s.size(), c.place);
  }
  const std::string space(model_.escape_spaces ? kSpSpace : std::string_view(" "));
  SpNormal out;
  out.text.reserve(s.size() + s.size() / 2 + space.size());
  out.sources.reserve(s.size() + s.size() / 2 + space.size());
  struct Step {
    std::string_view becomes;
    std::size_t used;
  };
  const auto step = [&](std::size_t i) {
    const std::size_t symbol = symbol_at(s, i);
    const std::string_view rest = std::string_view(s).substr(i);
    if (symbol) return Step{rest.substr(0, symbol), symbol};
    std::string_view becomes;
    const std::size_t used = rules_.longest(rest, becomes);
    if (used) return Step{becomes, used};
    const std::size_t length = sp_length_at(s, i);
    return Step{rest.substr(0, length), length};
  };
  std::size_t i = 0;
  while (model_.remove_extra_spaces && i < s.size()) {
    const Step next = step(i);
    if (next.becomes != " ") break;
    i += next.used;
  }
  if (i >= s.size()) return out;
  const auto place = [&](std::size_t k) { return k < places.size() ? places[k] : places.back(); };
  if (model_.add_dummy_prefix && !model_.space_behind) out.add(space, {place(i), place(i)});
  bool after_space = model_.remove_extra_spaces;
  while (i < s.size()) {
    const Step next = step(i);
    std::string_view becomes = next.becomes;
    while (after_space && becomes.starts_with(' ')) becomes.remove_prefix(1);
    const SpNormal::Source from{place(i), place(i + next.used - 1) + 1};
    for (const char c : becomes) {
      if (c == ' ' && model_.escape_spaces) {
        out.add(kSpSpace, from);
      } else {
        out.add({&c, 1}, from);
      }
    }
    if (!becomes.empty()) after_space = becomes.ends_with(' ');
    i += next.used;
    if (!model_.remove_extra_spaces) after_space = false;
  }
  while (model_.remove_extra_spaces && out.text.ends_with(space)) out.drop(space.size());
  if (model_.add_dummy_prefix && model_.space_behind)
    out.add(space, {place(s.size() - 1), place(s.size() - 1) + 1});
  return out;
}

}  // namespace athanor::text
