#include "athanor/text/wordpiece.hpp"

#include <algorithm>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"

namespace athanor::text {

TextMap<std::int64_t> numbers_of(const std::vector<std::string>& tokens) {
  TextMap<std::int64_t> out;
  out.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i)
    out.insert_or_assign(tokens[i], static_cast<std::int64_t>(i));
  return out;
}

namespace {

// BERT's words: ASCII signs count too, for consistency.
bool splits(char32_t c) {
  if (c < 0x80)
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
           (c >= 123 && c <= 126);
  return is_punctuation(c);
}
bool is_blank(char32_t c) {
  if (c < 0x80) return c == ' ' || c == '\t' || c == '\n' || c == '\r';
  return is_separator(c);
}
bool is_dropped(char32_t c) {
  if (c < 0x80) return c < 32 || c == 127;  // blanks were looked for before
  return c == kReplacement || c >= kBadByte || is_other(c);
}

}  // namespace

WordPiece::WordPiece(std::vector<std::string> tokens, WordPieceOptions options)
    : options_(std::move(options)) {
  require(!tokens.empty(), "WordPiece: the vocabulary is empty");
  require(tokens.size() <= 1u << 28, "WordPiece: {} tokens are too many; {} are the most",
          tokens.size(), 1u << 28);
  require(options_.max_word >= 1, "WordPiece: max_word must be at least 1, not {}",
          options_.max_word);
  tokens_ = std::move(tokens);
  ids_ = numbers_of(tokens_);
  const auto unknown = id_of(options_.unknown);
  require(unknown.has_value(), "WordPiece: the vocabulary lacks its unknown token '{}'",
          options_.unknown);
  unknown_ = *unknown;
  for (const std::string& token : tokens_) longest_ = std::max(longest_, token.size());
  for (const std::string& name :
       {options_.unknown, options_.start, options_.separator, options_.padding, options_.mask}) {
    if (const auto id = id_of(name)) special_.add(name, *id);
  }
}

std::unique_ptr<WordPiece> WordPiece::from_file(const std::filesystem::path& path,
                                                WordPieceOptions options) {
  const std::string content = read_text_file(path, std::uint64_t{1} << 28);
  std::vector<std::string> tokens;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    std::string line = content.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    require<FormatError>(line.find('\0') == std::string::npos,
                         "{}: line {} holds a zero byte; a vocabulary has one token a line",
                         path.string(), tokens.size() + 1);
    tokens.push_back(std::move(line));
    at = end + 1;
  }
  require<FormatError>(!tokens.empty(), "{}: the vocabulary is empty", path.string());
  try {
    return std::make_unique<WordPiece>(std::move(tokens), std::move(options));
  } catch (const ValueError& error) {
    throw FormatError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

std::optional<std::int64_t> WordPiece::id_of(std::string_view token) const {
  const auto at = ids_.find(token);
  if (at == ids_.end()) return {};
  return at->second;
}

Framing WordPiece::framing(std::int64_t max_length) const {
  return {id_of(options_.start), id_of(options_.separator), max_length};
}

std::vector<Token> WordPiece::encode(std::string_view text) const {
  const CodePoints points = text::decode(text);
  WordCaches::Loan cache(caches_);
  std::vector<Token> out;
  out.reserve(points.size() / 4 + 1);
  special_.split(text, points, out,
                 [&](std::string_view bytes, const CodePoint* first, const CodePoint* last) {
                   encode_plain(bytes, first, last, *cache, out);
                 });
  return out;
}

void WordPiece::encode_plain(std::string_view bytes, const CodePoint* first, const CodePoint* last,
                             WordCache& cache, std::vector<Token>& out) const {
  std::vector<Piece> fresh;
  std::size_t at = 0;
  // The word from `first` to `end`, which may be cut at punctuation before.
  const auto add = [&](const CodePoint* end, std::size_t length) {
    const std::string_view word = bytes.substr(at, length);
    std::span<const Piece> pieces;
    if (!cache.find(word, pieces)) {
      fresh.clear();
      encode_word(first, end, fresh);
      cache.put(word, fresh);
      pieces = fresh;
    }
    const std::int64_t place = first->place;
    for (const Piece& p : pieces) out.push_back({p.id, place + p.begin, place + p.end});
    first = end;
    at += length;
  };
  const auto alone = [&](char32_t c) { return options_.split_chinese && is_chinese(c); };
  while (first < last) {
    if (is_blank(first->value)) {
      at += utf8_length((first++)->value);
      continue;
    }
    const CodePoint* end = first + 1;
    std::size_t length = utf8_length(first->value);
    bool ascii = first->value < 0x80;
    if (!alone(first->value)) {
      for (; end < last && !is_blank(end->value) && !alone(end->value); ++end) {
        length += utf8_length(end->value);
        ascii = ascii && end->value < 0x80;
      }
    }
    // Beyond ASCII a letter's lower case may depend on what stands behind punctuation.
    while (ascii && first < end) {
      const CodePoint* part = first;
      while (part < end && !splits(part->value)) ++part;
      if (part > first) add(part, static_cast<std::size_t>(part - first));
      if (part < end) add(part + 1, 1);
    }
    if (!ascii) add(end, length);
  }
}

// What stands between blanks: cleaned, then split at punctuation.
void WordPiece::encode_word(const CodePoint* first, const CodePoint* last,
                            std::vector<Piece>& out) const {
  CodePoints word;
  for (const CodePoint* c = first; c != last; ++c)
    if (!is_dropped(c->value)) word.push_back({c->value, c->place - first->place});
  if (options_.lower_case) word = to_lower(word);
  if (options_.strip_accents.value_or(options_.lower_case)) {
    word = decompose(word);
    std::erase_if(word, [](const CodePoint& c) { return is_mark(c.value); });
  }
  const CodePoint* begin = word.data();
  const CodePoint* const end = word.data() + word.size();
  for (const CodePoint* at = begin; at != end; ++at) {
    if (!splits(at->value)) continue;
    if (begin != at) add_word(begin, at, out);
    add_word(at, at + 1, out);
    begin = at + 1;
  }
  if (begin != end) add_word(begin, end, out);
}

void WordPiece::add_word(const CodePoint* first, const CodePoint* last,
                         std::vector<Piece>& out) const {
  const std::size_t before = out.size();
  const auto whole = [&](std::int64_t id) {
    out.resize(before);
    out.push_back({static_cast<std::int32_t>(id), first->place, (last - 1)->place + 1});
  };
  if (last - first > options_.max_word) return whole(unknown_);
  // Bytes of the word, and where each code point begins among them.
  std::string bytes = "##";
  std::vector<std::size_t> starts;
  for (const CodePoint* c = first; c != last; ++c) {
    starts.push_back(bytes.size());
    append(bytes, c->value);
  }
  starts.push_back(bytes.size());
  const auto count = static_cast<std::size_t>(last - first);
  for (std::size_t begin = 0; begin < count;) {
    const std::size_t prefix = begin == 0 ? 0 : 2;
    std::size_t end = count;
    std::optional<std::int64_t> id;
    // A piece behind the first is looked up with "##" written before it.
    if (prefix) bytes[starts[begin] - 2] = bytes[starts[begin] - 1] = '#';
    for (; end > begin; --end) {
      const std::size_t length = starts[end] - starts[begin] + prefix;
      if (length > longest_) continue;
      id = id_of(std::string_view(bytes).substr(starts[begin] - prefix, length));
      if (id) break;
    }
    if (!id) return whole(unknown_);
    out.push_back({static_cast<std::int32_t>(*id), first[begin].place, first[end - 1].place + 1});
    begin = end;
  }
}

std::string WordPiece::decode(std::span<const std::int64_t> ids) const {
  std::string out;
  for (const std::int64_t id : ids) {
    const std::string& piece = token(id);
    if (piece == options_.start || piece == options_.separator || piece == options_.padding)
      continue;
    if (piece.starts_with("##") && piece.size() > 2) {
      out += piece.substr(2);
      continue;
    }
    if (!out.empty()) out += ' ';
    out += piece;
  }
  return out;
}

}  // namespace athanor::text
