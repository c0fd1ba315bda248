#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::text {

/// A token of a text: its number, and the code points [begin, end) of the text that it covers.
struct Token {
  std::int64_t id = 0;
  std::int64_t begin = 0, end = 0;
  friend bool operator==(const Token&, const Token&) = default;
};

/// Turns texts (UTF-8) into numbers and back. May be used by several threads at once.
class Tokenizer {
 public:
  Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;
  virtual ~Tokenizer() = default;

  /// The tokens of a text, without special ones around it. Never fails: bytes that are no UTF-8
  /// count as unknown characters.
  virtual std::vector<Token> encode(std::string_view text) const = 0;
  /// The text of tokens. Throws IndexError for a number outside the vocabulary.
  virtual std::string decode(std::span<const std::int64_t> ids) const = 0;
  /// Number of tokens.
  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  /// Throws IndexError.
  const std::string& token(std::int64_t id) const;
  /// Nothing for a token that is not in the vocabulary.
  virtual std::optional<std::int64_t> id_of(std::string_view token) const = 0;

 protected:
  std::vector<std::string> tokens_;  // by number
};

/// Which tokens stand around a text or a pair of texts, and how long it may be.
struct Framing {
  std::optional<std::int64_t> start, separator;  ///< [CLS] a [SEP] b [SEP]
  std::int64_t max_length = 0;  ///< with the special tokens; 0: no limit. The longer text is cut
};

/// Numbers of one text or pair, of one length each: ids, types (0: first text, 1: second) and the
/// source tokens.
struct Framed {
  std::vector<std::int64_t> ids, types;
  bool cut = false;  ///< tokens were left out for max_length
};
/// Throws ValueError when max_length leaves no room for a token.
Framed frame(std::span<const Token> first, std::span<const Token> second, bool pair,
             const Framing& framing);

/// encode() of several texts on the compute threads; the result does not depend on their number.
std::vector<std::vector<Token>> encode_all(const Tokenizer& tokenizer,
                                           std::span<const std::string> texts);

}  // namespace athanor::text
