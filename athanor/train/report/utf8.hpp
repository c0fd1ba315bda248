#pragma once

#include <cstddef>
#include <string_view>

namespace athanor::train::report {

/// One character of UTF-8 text.
struct Character {
  char32_t code = 0xFFFD;  ///< U+FFFD for bytes that are no UTF-8
  std::size_t length = 1;  ///< bytes taken, at least 1
};

/// The character that begins at `at`, which must be inside the text. Overlong forms, surrogates
/// and values above U+10FFFF are no UTF-8 (RFC 3629).
inline Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return {};
  char32_t code = first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(at + i) & 0x3Fu);
  }
  if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000) || code > 0x10FFFF ||
      (code >= 0xD800 && code <= 0xDFFF))
    return {};
  return {code, length};
}

/// Control characters, and those that turn the direction of what follows or hide themselves.
inline bool is_invisible_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x200E || c == 0x200F || c == 0x061C ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

}  // namespace athanor::train::report
