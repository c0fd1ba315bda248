#include "athanor/text/byte_pair.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <queue>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"

namespace athanor::text {

namespace {

// The letter that stands for a byte in the files: printable ones for themselves, the others from
// U+0100 on.
const std::array<char32_t, 256>& alphabet() {
  static const std::array<char32_t, 256> table = [] {
    std::array<char32_t, 256> t{};
    char32_t next = 256;
    for (unsigned b = 0; b < 256; ++b) {
      const bool own = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      t[b] = own ? b : next++;
    }
    return t;
  }();
  return table;
}

// The byte of a letter; -1 for one outside the alphabet.
int byte_of(char32_t letter) {
  static const std::unordered_map<char32_t, int> table = [] {
    std::unordered_map<char32_t, int> t;
    for (int b = 0; b < 256; ++b) t[alphabet()[static_cast<std::size_t>(b)]] = b;
    return t;
  }();
  const auto at = table.find(letter);
  return at == table.end() ? -1 : at->second;
}

std::uint64_t key_of(std::int32_t a, std::int32_t b) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) << 32 |
         static_cast<std::uint32_t>(b);
}

enum class Kind : std::uint8_t { letter, number, space, sign };

Kind kind_of(char32_t c) {
  if (c < 0x80) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Kind::letter;
    if (c >= '0' && c <= '9') return Kind::number;
    return is_white_space(c) ? Kind::space : Kind::sign;
  }
  if (is_letter(c)) return Kind::letter;
  if (is_number(c)) return Kind::number;
  return is_white_space(c) ? Kind::space : Kind::sign;
}

// The end of the word that begins at `first`, by the expression
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
const CodePoint* word_end(const CodePoint* first, const CodePoint* last) {
  const auto at = [&](std::ptrdiff_t i) { return first + i < last ? first[i].value : 0; };
  if (at(0) == '\'') {
    const char32_t a = at(1), b = at(2);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return first + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
      return first + 3;
  }
  const CodePoint* p = first;
  if (p->value == ' ' && p + 1 < last && kind_of(p[1].value) != Kind::space) ++p;
  const Kind kind = kind_of(p->value);
  const CodePoint* end = p + 1;
  while (end < last && kind_of(end->value) == kind) ++end;
  // White space before a word leaves its last place to the word.
  if (kind == Kind::space && end < last && end - p > 1) --end;
  return end;
}

}  // namespace

BytePair::BytePair(std::vector<std::string> tokens,
                   const std::vector<std::pair<std::string, std::string>>& merges,
                   BytePairOptions options) {
  require(tokens.size() <= 1u << 28, "BytePair: {} tokens are too many", tokens.size());
  tokens_ = std::move(tokens);
  ids_ = numbers_of(tokens_);
  raw_.reserve(tokens_.size());
  for (const std::string& token : tokens_) {
    std::string raw;
    bool known = true;
    for (const CodePoint& c : text::decode(token)) {
      const int byte = byte_of(c.value);
      known = known && byte >= 0;
      raw += static_cast<char>(byte);
    }
    raw_.push_back(known ? raw : token);  // a special token is its own text
  }
  for (std::size_t b = 0; b < 256; ++b) {
    std::string letter;
    append(letter, alphabet()[b]);
    const auto id = id_of(letter);
    require(id.has_value(), "BytePair: the vocabulary has no token for byte {} ('{}')", b, letter);
    bytes_[b] = static_cast<std::int32_t>(*id);
  }
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const auto a = id_of(left), b = id_of(right), both = id_of(left + right);
    require(a && b && both, "BytePair: merge {} joins '{}' and '{}'; '{}' is not in the vocabulary",
            rank + 1, left, right,
            !a   ? left
            : !b ? right
                 : left + right);
    merges_.try_emplace(key_of(static_cast<std::int32_t>(*a), static_cast<std::int32_t>(*b)),
                        Merge{static_cast<std::int32_t>(rank), static_cast<std::int32_t>(*both)});
  }
  for (const std::string& name : options.special)
    if (const auto id = id_of(name)) special_.add(name, *id);
}

std::unique_ptr<BytePair> BytePair::from_files(const std::filesystem::path& vocabulary,
                                               const std::filesystem::path& merges,
                                               BytePairOptions options) {
  const std::string name = vocabulary.string();
  const auto json =
      nlohmann::json::parse(read_text_file(vocabulary, std::uint64_t{1} << 28), nullptr, false);
  require<FormatError>(json.is_object(), "{}: it is no JSON object of tokens and their numbers",
                       name);
  std::vector<std::string> tokens(json.size());
  std::vector<bool> used(json.size());
  for (const auto& [token, id] : json.items()) {
    require<FormatError>(id.is_number_unsigned() && id.get<std::uint64_t>() < tokens.size() &&
                             !used[id.get<std::size_t>()],
                         "{}: token '{}' has the number {}; the numbers must be 0 .. {}, each once",
                         name, token, id.dump(), tokens.size() - 1);
    tokens[id.get<std::size_t>()] = token;
    used[id.get<std::size_t>()] = true;
  }
  std::vector<std::pair<std::string, std::string>> pairs;
  const std::string content = read_text_file(merges, std::uint64_t{1} << 28);
  std::size_t line = 0;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    std::string_view text = std::string_view(content).substr(at, end - at);
    at = end + 1;
    ++line;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty() || (line == 1 && text.starts_with("#version"))) continue;
    const std::size_t space = text.find(' ');
    require<FormatError>(space != std::string_view::npos && space > 0 && space + 1 < text.size() &&
                             text.find(' ', space + 1) == std::string_view::npos,
                         "{}: line {} is '{}'; it must be two tokens with a space between",
                         merges.string(), line, valid_utf8(text.substr(0, 80)));
    pairs.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  try {
    return std::make_unique<BytePair>(std::move(tokens), pairs, std::move(options));
  } catch (const ValueError& error) {
    throw FormatError(fmt::format("{}, {}: {}", name, merges.string(), error.what()));
  }
}

std::optional<std::int64_t> BytePair::id_of(std::string_view token) const {
  const auto at = ids_.find(token);
  if (at == ids_.end()) return {};
  return at->second;
}

std::vector<Token> BytePair::encode(std::string_view text) const {
  require(text.size() < std::size_t{1} << 31, "BytePair: a text of {} bytes; {} are the most",
          text.size(), (std::size_t{1} << 31) - 1);
  const CodePoints points = text::decode(text);
  WordCaches::Loan cache(caches_);
  std::vector<Token> out;
  out.reserve(points.size() / 3 + 1);
  special_.split(text, points, out,
                 [&](std::string_view bytes, const CodePoint* first, const CodePoint* last) {
                   encode_plain(bytes, first, last, *cache, out);
                 });
  return out;
}

void BytePair::encode_plain(std::string_view bytes, const CodePoint* first, const CodePoint* last,
                            WordCache& cache, std::vector<Token>& out) const {
  std::vector<Piece> fresh;
  std::size_t at = 0;
  while (first < last) {
    const CodePoint* const end = word_end(first, last);
    std::size_t length = 0;
    for (const CodePoint* c = first; c != end; ++c) length += utf8_length(c->value);
    const std::string_view word = bytes.substr(at, length);
    std::span<const Piece> pieces;
    if (!cache.find(word, pieces)) {
      encode_word(word, first, end, fresh);
      cache.put(word, fresh);
      pieces = fresh;
    }
    const std::int64_t place = first->place;
    for (const Piece& p : pieces) out.push_back({p.id, place + p.begin, place + p.end});
    first = end;
    at += length;
  }
}

void BytePair::encode_word(std::string_view word, const CodePoint* first, const CodePoint* last,
                           std::vector<Piece>& out) const {
  std::vector<std::uint32_t> places;  // the code point of each byte
  places.reserve(word.size());
  for (const CodePoint* c = first; c != last; ++c)
    places.resize(places.size() + utf8_length(c->value), c->place - first->place);
  std::vector<std::int32_t> ids;
  merge(word, ids);
  out.clear();
  std::size_t at = 0;
  for (const std::int32_t id : ids) {
    const std::size_t length = raw_[static_cast<std::size_t>(id)].size();
    out.push_back({id, places[at], places[at + length - 1] + 1});
    at += length;
  }
}

// Joins the pair of lowest rank, the leftmost of equals, until none is left: with a queue, so that
// a word of a million letters takes a moment.
void BytePair::merge(std::string_view bytes, std::vector<std::int32_t>& out) const {
  const auto count = static_cast<std::int32_t>(bytes.size());
  struct Part {
    std::int32_t id, before, behind;
  };
  std::vector<Part> parts;
  parts.reserve(bytes.size());
  for (std::int32_t i = 0; i < count; ++i)
    parts.push_back({bytes_[static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)])], i - 1,
                     i + 1 < count ? i + 1 : -1});
  struct Candidate {
    std::int32_t rank, place, left, right, result;
    bool operator<(const Candidate& o) const {
      return rank != o.rank ? rank > o.rank : place > o.place;
    }
  };
  std::priority_queue<Candidate> queue;
  const auto part = [&](std::int32_t i) -> Part& { return parts[static_cast<std::size_t>(i)]; };
  const auto offer = [&](std::int32_t i) {
    if (i < 0 || part(i).behind < 0) return;
    const std::int32_t a = part(i).id, b = part(part(i).behind).id;
    const auto at = merges_.find(key_of(a, b));
    if (at != merges_.end()) queue.push({at->second.rank, i, a, b, at->second.result});
  };
  for (std::int32_t i = 0; i + 1 < count; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate c = queue.top();
    queue.pop();
    Part& left = part(c.place);
    if (left.id != c.left || left.behind < 0 || part(left.behind).id != c.right) continue;
    Part& right = part(left.behind);
    left.id = c.result;
    right.id = -1;
    left.behind = right.behind;
    if (left.behind >= 0) part(left.behind).before = c.place;
    offer(left.before);
    offer(c.place);
  }
  for (std::int32_t i = count > 0 ? 0 : -1; i >= 0; i = part(i).behind) out.push_back(part(i).id);
}

std::string BytePair::decode(std::span<const std::int64_t> ids) const {
  std::string out;
  for (const std::int64_t id : ids) {
    (void)token(id);
    out += raw_[static_cast<std::size_t>(id)];
  }
  return out;
}

}  // namespace athanor::text
