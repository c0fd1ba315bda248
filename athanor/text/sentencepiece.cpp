#include "athanor/text/sentencepiece.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <queue>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/text/sentencepiece_model.hpp"
#include "athanor/text/unicode.hpp"

namespace athanor::text {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";

// Bytes of the character that begins at a place of valid UTF-8.
std::size_t length_at(std::string_view s, std::size_t i) {
  const auto first = static_cast<unsigned char>(s[i]);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(length, s.size() - i);
}

// The pieces as a trie in flat arrays: children are found by (node, byte).
class Trie {
 public:
  void add(std::string_view text, std::int32_t value) {
    std::uint32_t node = 0;
    for (const char c : text) {
      const auto [at, fresh] = children_.try_emplace(key(node, c), count_);
      if (fresh) {
        ++count_;
        values_.push_back(-1);
      }
      node = at->second;
    }
    values_[node] = value;
  }
  // Calls f(length, value) for every text that begins at `i`, the shortest first.
  template <class F>
  void prefixes(std::string_view s, std::size_t i, const F& f) const {
    std::uint32_t node = 0;
    for (std::size_t k = i; k < s.size(); ++k) {
      const auto at = children_.find(key(node, s[k]));
      if (at == children_.end()) return;
      node = at->second;
      if (values_[node] >= 0) f(k + 1 - i, values_[node]);
    }
  }

 private:
  static std::uint64_t key(std::uint32_t node, char c) {
    return std::uint64_t{node} << 8 | static_cast<unsigned char>(c);
  }
  std::unordered_map<std::uint64_t, std::uint32_t> children_;
  std::vector<std::int32_t> values_{-1};
  std::uint32_t count_ = 1;
};

// A text as the model sees it, and the code point of the given text that each byte came from.
struct Normal {
  std::string text;
  std::vector<std::uint32_t> begin, end;
  void add(std::string_view s, std::uint32_t from, std::uint32_t to) {
    text += s;
    begin.resize(text.size(), from);
    end.resize(text.size(), to);
  }
  void drop(std::size_t count) {
    text.resize(text.size() - count);
    begin.resize(text.size());
    end.resize(text.size());
  }
};

// A piece of the normal text: bytes [begin, end).
struct Part {
  std::size_t begin, end;
  std::int32_t id;
};

}  // namespace

struct SentencePiece::Model {
  SpModel spec;
  CharsMap rules;
  TextMap<std::int64_t> ids;
  Trie pieces, symbols;  // what may stand in a text; user-defined symbols alone
  bool has_symbols = false;
  float lowest = 0, highest = 0;
  std::array<std::int32_t, 256> bytes{};

  const SpPiece& piece(std::int32_t id) const { return spec.pieces[static_cast<std::size_t>(id)]; }

  std::size_t symbol_at(std::string_view s, std::size_t i) const {
    std::size_t found = 0;
    if (has_symbols)
      symbols.prefixes(s, i, [&](std::size_t length, std::int32_t) { found = length; });
    return found;
  }

  Normal normalize(std::string_view text) const;
  std::vector<Part> unigram(std::string_view s) const;
  std::vector<Part> pairs(std::string_view s) const;
};

Normal SentencePiece::Model::normalize(std::string_view given) const {
  // The rules look at valid UTF-8.
  const CodePoints points = text::decode(given);
  std::string s;
  std::vector<std::uint32_t> places;  // by byte of s
  for (const CodePoint& c : points) {
    append(s, c.value >= kBadByte ? kReplacement : c.value);
    places.resize(s.size(), c.place);
  }
  const std::string space(spec.escape_spaces ? kSpace : std::string_view(" "));
  Normal out;
  struct Step {
    std::string_view becomes;
    std::size_t used;
  };
  const auto step = [&](std::size_t i) {
    const std::size_t symbol = symbol_at(s, i);
    const std::string_view rest = std::string_view(s).substr(i);
    if (symbol) return Step{rest.substr(0, symbol), symbol};
    std::string_view becomes;
    const std::size_t used = rules.longest(rest, becomes);
    if (used) return Step{becomes, used};
    const std::size_t length = length_at(s, i);
    return Step{rest.substr(0, length), length};
  };
  std::size_t i = 0;
  while (spec.remove_extra_spaces && i < s.size()) {
    const Step next = step(i);
    if (next.becomes != " ") break;
    i += next.used;
  }
  if (i >= s.size()) return out;
  const auto place = [&](std::size_t k) { return k < places.size() ? places[k] : places.back(); };
  if (spec.add_dummy_prefix && !spec.space_behind) out.add(space, place(i), place(i));
  bool after_space = spec.remove_extra_spaces;
  while (i < s.size()) {
    const Step next = step(i);
    std::string_view becomes = next.becomes;
    while (after_space && becomes.starts_with(' ')) becomes.remove_prefix(1);
    const std::uint32_t from = place(i), to = place(i + next.used - 1) + 1;
    for (const char c : becomes) {
      if (c == ' ' && spec.escape_spaces) {
        out.add(kSpace, from, to);
      } else {
        out.add({&c, 1}, from, to);
      }
    }
    if (!becomes.empty()) after_space = becomes.ends_with(' ');
    i += next.used;
    if (!spec.remove_extra_spaces) after_space = false;
  }
  while (spec.remove_extra_spaces && out.text.ends_with(space)) out.drop(space.size());
  if (spec.add_dummy_prefix && spec.space_behind)
    out.add(space, place(s.size() - 1), place(s.size() - 1) + 1);
  return out;
}

// The likeliest way to cut the text into pieces (Viterbi); an unknown character costs 10 more than
// the least likely piece.
std::vector<Part> SentencePiece::Model::unigram(std::string_view s) const {
  constexpr float kUnknownPenalty = 10;
  struct Node {
    float score = -std::numeric_limits<float>::infinity();
    std::size_t from = 0;
    std::int32_t id = -1;
  };
  std::vector<Node> best(s.size() + 1);
  best[0].score = 0;
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t one = length_at(s, i);
    const float before = best[i].score;
    bool single = false;
    const auto offer = [&](std::size_t length, std::int32_t id, float score) {
      Node& node = best[i + length];
      if (node.id < 0 || before + score > node.score) node = {before + score, i, id};
    };
    pieces.prefixes(s, i, [&](std::size_t length, std::int32_t id) {
      if (piece(id).kind == SpPiece::Kind::unused) return;
      // A user-defined symbol wins over any pieces of the same length.
      const float score = piece(id).kind == SpPiece::Kind::user
                              ? static_cast<float>(length) * highest - 0.1f
                              : piece(id).score;
      offer(length, id, score);
      single = single || length == one;
    });
    if (!single) offer(one, static_cast<std::int32_t>(spec.unknown), lowest - kUnknownPenalty);
    i += one;
  }
  std::vector<Part> out;
  for (std::size_t end = s.size(); end > 0; end = best[end].from)
    out.push_back({best[end].from, end, best[end].id});
  std::reverse(out.begin(), out.end());
  return out;
}

// Joins the pair whose result has the best score, the leftmost of equals, until none is left.
std::vector<Part> SentencePiece::Model::pairs(std::string_view s) const {
  struct Symbol {
    std::size_t begin, end;
    std::int32_t before, behind;
    bool frozen;
  };
  std::vector<Symbol> symbols_;
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t symbol = symbol_at(s, i), length = symbol ? symbol : length_at(s, i);
    const auto at = static_cast<std::int32_t>(symbols_.size());
    symbols_.push_back({i, i + length, at - 1, at + 1, symbol > 0});
    i += length;
  }
  if (symbols_.empty()) return {};
  symbols_.back().behind = -1;
  struct Candidate {
    float score;
    std::int32_t left, right;
    std::size_t size;
    bool operator<(const Candidate& o) const {
      return score != o.score ? score < o.score : left > o.left;
    }
  };
  std::priority_queue<Candidate> queue;
  // How a piece that is not used came about, to take it apart again.
  TextMap<std::pair<std::string, std::string>> joined;
  const auto symbol = [&](std::int32_t i) -> Symbol& {
    return symbols_[static_cast<std::size_t>(i)];
  };
  const auto text_of = [&](std::size_t begin, std::size_t end) {
    return s.substr(begin, end - begin);
  };
  const auto offer = [&](std::int32_t left, std::int32_t right) {
    if (left < 0 || right < 0 || symbol(left).frozen || symbol(right).frozen) return;
    const std::string_view whole = text_of(symbol(left).begin, symbol(right).end);
    const auto at = ids.find(whole);
    if (at == ids.end()) return;
    const SpPiece& p = piece(static_cast<std::int32_t>(at->second));
    if (p.kind != SpPiece::Kind::normal && p.kind != SpPiece::Kind::user &&
        p.kind != SpPiece::Kind::unused)
      return;
    queue.push({p.score, left, right, whole.size()});
    if (p.kind == SpPiece::Kind::unused)
      joined.try_emplace(std::string(whole),
                         std::string(text_of(symbol(left).begin, symbol(left).end)),
                         std::string(text_of(symbol(right).begin, symbol(right).end)));
  };
  for (std::int32_t i = 1; i < static_cast<std::int32_t>(symbols_.size()); ++i) offer(i - 1, i);
  while (!queue.empty()) {
    const Candidate c = queue.top();
    queue.pop();
    Symbol &left = symbol(c.left), &right = symbol(c.right);
    if (left.begin == left.end || right.begin == right.end || right.end - left.begin != c.size ||
        left.behind != c.right)
      continue;
    left.end = right.end;
    left.behind = right.behind;
    if (right.behind >= 0) symbol(right.behind).before = c.left;
    right.end = right.begin;  // gone
    offer(left.before, c.left);
    offer(c.left, left.behind);
  }
  std::vector<Part> out;
  // A piece that is not used is taken apart as it was joined.
  std::vector<std::pair<std::size_t, std::size_t>> open;
  for (std::int32_t i = 0; i >= 0; i = symbol(i).behind) {
    open.emplace_back(symbol(i).begin, symbol(i).end);
    while (!open.empty()) {
      const auto [begin, end] = open.back();
      open.pop_back();
      const std::string_view text = text_of(begin, end);
      const auto at = ids.find(text);
      const auto id = static_cast<std::int32_t>(at == ids.end() ? spec.unknown : at->second);
      const auto parts = joined.find(text);
      if (piece(id).kind == SpPiece::Kind::unused && parts != joined.end()) {
        const std::size_t middle = begin + parts->second.first.size();
        open.emplace_back(middle, end);
        open.emplace_back(begin, middle);
        continue;
      }
      const bool plain = piece(id).kind == SpPiece::Kind::normal ||
                         piece(id).kind == SpPiece::Kind::user ||
                         piece(id).kind == SpPiece::Kind::unused;
      out.push_back({begin, end, plain ? id : static_cast<std::int32_t>(spec.unknown)});
    }
  }
  return out;
}

SentencePiece::SentencePiece() : model_(std::make_unique<Model>()) {}
SentencePiece::~SentencePiece() = default;

std::unique_ptr<SentencePiece> SentencePiece::from_file(const std::filesystem::path& path) {
  return parse(read_text_file(path, std::uint64_t{1} << 28), path.string());
}

std::unique_ptr<SentencePiece> SentencePiece::parse(std::string_view bytes,
                                                    const std::string& name) {
  std::unique_ptr<SentencePiece> out(new SentencePiece);
  Model& m = *out->model_;
  m.spec = parse_sentencepiece(bytes, name);
  require<UnsupportedError>(m.spec.algorithm == SpModel::Algorithm::unigram ||
                                m.spec.algorithm == SpModel::Algorithm::bpe,
                            "{}: a SentencePiece model of the kind {}; unigram and bpe are "
                            "supported",
                            name, m.spec.algorithm == SpModel::Algorithm::word ? "word" : "char");
  m.rules = CharsMap(m.spec.charsmap, name);
  m.bytes.fill(-1);
  bool first = true;
  for (std::size_t i = 0; i < m.spec.pieces.size(); ++i) {
    const SpPiece& p = m.spec.pieces[i];
    const auto id = static_cast<std::int32_t>(i);
    out->tokens_.push_back(p.text);
    require<FormatError>(m.ids.try_emplace(p.text, id).second, "{}: piece {} ('{}') stands twice",
                         name, i, valid_utf8(p.text));
    if (p.kind == SpPiece::Kind::byte) {
      unsigned value = 0;
      const bool good = p.text.size() == 6 && p.text.starts_with("<0x") && p.text.ends_with('>') &&
                        std::sscanf(p.text.c_str(), "<0x%2X>", &value) == 1;
      require<FormatError>(good, "{}: piece {} ('{}') should stand for a byte", name, i,
                           valid_utf8(p.text));
      m.bytes[value] = id;
      continue;
    }
    if (p.kind == SpPiece::Kind::normal) {
      m.lowest = first ? p.score : std::min(m.lowest, p.score);
      m.highest = first ? p.score : std::max(m.highest, p.score);
      first = false;
    }
    if (p.kind == SpPiece::Kind::user) {
      m.symbols.add(p.text, id);
      m.has_symbols = true;
    }
    if (p.kind == SpPiece::Kind::normal || p.kind == SpPiece::Kind::user ||
        p.kind == SpPiece::Kind::unused)
      m.pieces.add(p.text, id);
  }
  require<FormatError>(!m.spec.byte_fallback || std::none_of(m.bytes.begin(), m.bytes.end(),
                                                             [](std::int32_t b) { return b < 0; }),
                       "{}: it falls back to bytes, and lacks the piece of one", name);
  return out;
}

std::string SentencePiece::normalized(std::string_view text) const {
  return model_->normalize(text).text;
}

std::vector<Token> SentencePiece::encode(std::string_view text) const {
  const Model& m = *model_;
  const Normal normal = m.normalize(text);
  if (normal.text.empty()) return {};
  const std::vector<Part> parts = m.spec.algorithm == SpModel::Algorithm::unigram
                                      ? m.unigram(normal.text)
                                      : m.pairs(normal.text);
  std::vector<Token> out;
  bool after_unknown = false;
  for (const Part& p : parts) {
    const std::int64_t begin = normal.begin[p.begin], end = normal.end[p.end - 1];
    const bool unknown = p.id == m.spec.unknown;
    if (unknown && m.spec.byte_fallback) {
      for (std::size_t k = p.begin; k < p.end; ++k)
        out.push_back({m.bytes[static_cast<unsigned char>(normal.text[k])], begin, end});
    } else if (unknown && after_unknown) {
      out.back().end = end;  // a run of unknown characters is one token
    } else {
      out.push_back({p.id, begin, end});
    }
    after_unknown = unknown && !m.spec.byte_fallback;
  }
  return out;
}

std::string SentencePiece::decode(std::span<const std::int64_t> ids) const {
  const Model& m = *model_;
  std::string out, bytes;
  bool first = true;
  const auto flush = [&] {
    // Bytes that are no character become U+FFFD each.
    out += valid_utf8(bytes);
    bytes.clear();
  };
  for (const std::int64_t id : ids) {
    (void)token(id);
    const SpPiece& p = m.piece(static_cast<std::int32_t>(id));
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
      out += m.spec.unknown_surface;
      first = false;
      continue;
    }
    std::string_view rest = p.text;
    if (first && (m.spec.add_dummy_prefix || m.spec.remove_extra_spaces) &&
        rest.starts_with(kSpace))
      rest.remove_prefix(kSpace.size());
    first = false;
    for (std::size_t at = 0; at < rest.size();) {
      if (rest.substr(at).starts_with(kSpace)) {
        out += ' ';
        at += kSpace.size();
      } else {
        out += rest[at++];
      }
    }
  }
  flush();
  return out;
}

std::optional<std::int64_t> SentencePiece::id_of(std::string_view token) const {
  const auto at = model_->ids.find(token);
  if (at == model_->ids.end()) return {};
  return at->second;
}

std::int64_t SentencePiece::unknown() const { return model_->spec.unknown; }

namespace {

std::optional<std::int64_t> valid_id(std::int64_t id, std::int64_t size) {
  if (id < 0 || id >= size) return {};
  return id;
}

}  // namespace

std::optional<std::int64_t> SentencePiece::start() const {
  return valid_id(model_->spec.start, size());
}
std::optional<std::int64_t> SentencePiece::end() const {
  return valid_id(model_->spec.end, size());
}
std::optional<std::int64_t> SentencePiece::padding() const {
  return valid_id(model_->spec.padding, size());
}

}  // namespace athanor::text
