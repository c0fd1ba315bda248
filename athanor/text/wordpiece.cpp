#include "athanor/text/wordpiece.hpp"

#include <algorithm>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"

namespace athanor::text {

TextMap<std::int64_t> numbers_of(const std::vector<std::string>& tokens) {
  TextMap<std::int64_t> out;
  out.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i)
    out.try_emplace(tokens[i], static_cast<std::int64_t>(i));
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
    if (!id_of(name)) continue;
    std::u32string special;
    for (const CodePoint& c : text::decode(name)) special += c.value;
    special_.push_back(special);
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
  std::vector<Token> out;
  out.reserve(points.size() / 4 + 1);
  std::size_t plain = 0, i = 0;
  const auto flush = [&] { encode_plain(points.data() + plain, points.data() + i, out); };
  while (i < points.size()) {
    const std::u32string* found = nullptr;
    for (const std::u32string& special : special_) {
      if (special.size() > points.size() - i) continue;
      bool same = true;
      for (std::size_t k = 0; same && k < special.size(); ++k)
        same = points[i + k].value == special[k];
      if (same) found = &special;
    }
    if (!found) {
      ++i;
      continue;
    }
    flush();
    std::string name;
    for (const char32_t c : *found) append(name, c);
    out.push_back(
        {*id_of(name), static_cast<std::int64_t>(i), static_cast<std::int64_t>(i + found->size())});
    i += found->size();
    plain = i;
  }
  flush();
  return out;
}

void WordPiece::encode_plain(const CodePoint* first, const CodePoint* last,
                             std::vector<Token>& out) const {
  const bool strip = options_.strip_accents.value_or(options_.lower_case);
  CodePoints word;
  const auto finish = [&] {
    if (word.empty()) return;
    CodePoints own = options_.lower_case ? to_lower(word) : word;
    if (strip) {
      own = decompose(own);
      std::erase_if(own, [](const CodePoint& c) { return is_mark(c.value); });
    }
    // Split at punctuation: each sign is a word.
    const CodePoint* begin = own.data();
    const CodePoint* const end = own.data() + own.size();
    for (const CodePoint* at = begin; at != end; ++at) {
      if (!splits(at->value)) continue;
      if (begin != at) add_word(begin, at, out);
      add_word(at, at + 1, out);
      begin = at + 1;
    }
    if (begin != end) add_word(begin, end, out);
    word.clear();
  };
  for (; first != last; ++first) {
    const char32_t c = first->value;
    if (is_blank(c)) {
      finish();
    } else if (is_dropped(c)) {
      continue;
    } else if (options_.split_chinese && is_chinese(c)) {
      finish();
      word.push_back(*first);
      finish();
    } else {
      word.push_back(*first);
    }
  }
  finish();
}

void WordPiece::add_word(const CodePoint* first, const CodePoint* last,
                         std::vector<Token>& out) const {
  const std::size_t before = out.size();
  const auto whole = [&](std::int64_t id) {
    out.resize(before);
    out.push_back({id, first->place, (last - 1)->place + std::int64_t{1}});
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
    out.push_back({*id, first[begin].place, first[end - 1].place + std::int64_t{1}});
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
