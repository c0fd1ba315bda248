#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Text as code points, and the properties of Unicode (ICU) that tokenizers ask for.
namespace athanor::text {

/// A code point of a text, and which one of the text it came from. A byte that is no UTF-8 is a
/// code point of its own, kBadByte + byte.
struct CodePoint {
  char32_t value = 0;
  std::uint32_t place = 0;
};
using CodePoints = std::vector<CodePoint>;

inline constexpr char32_t kBadByte = 0x110000;
inline constexpr char32_t kReplacement = 0xFFFD;

/// A set of code points that is quick to say no; beyond ASCII it says yes to all or to none.
class FirstSet {
 public:
  void add(char32_t c) { (c < 0x80 ? ascii_[c] : beyond_) = true; }
  bool has(char32_t c) const { return c < 0x80 ? ascii_[c] : beyond_; }

 private:
  std::array<bool, 128> ascii_{};
  bool beyond_ = false;
};

/// The code points of a text; never fails.
CodePoints decode(std::string_view utf8);
/// Appends a code point, or the byte that was no UTF-8.
void append(std::string& out, char32_t value);
/// Bytes that append() writes.
constexpr std::size_t utf8_length(char32_t c) {
  return c < 0x80 || c >= kBadByte ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}
std::string encode(const CodePoint* first, const CodePoint* last);
/// The same text with U+FFFD for every byte that is no UTF-8.
std::string valid_utf8(std::string_view text);

bool is_letter(char32_t c);       ///< general category L
bool is_number(char32_t c);       ///< general category N
bool is_mark(char32_t c);         ///< general category Mn
bool is_punctuation(char32_t c);  ///< general category P
bool is_other(char32_t c);        ///< general category C: control, format, unassigned, private
bool is_separator(
    char32_t c);  ///< general category Z: spaces, the separators of lines and paragraphs
bool is_white_space(char32_t c);  ///< the property White_Space
/// The blocks that BERT treats as Chinese characters.
bool is_chinese(char32_t c);

/// Lower case by Unicode's full mapping (the final sigma by its neighbours); places are kept.
CodePoints to_lower(const CodePoints& text);
/// Canonical decomposition of each code point; places are kept.
CodePoints decompose(const CodePoints& text);

}  // namespace athanor::text
