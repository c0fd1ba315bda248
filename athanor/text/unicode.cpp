#include "athanor/text/unicode.hpp"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "athanor/base/error.hpp"

namespace athanor::text {

namespace {

bool valid(char32_t c) { return c < kBadByte; }

std::uint32_t category_mask(char32_t c) {
  return valid(c) ? U_GET_GC_MASK(static_cast<UChar32>(c)) : 0;
}

}  // namespace

CodePoints decode(std::string_view s) {
  CodePoints out;
  out.reserve(s.size());
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  std::size_t i = 0;
  while (i < s.size()) {
    const unsigned char first = byte(i);
    const int length = first < 0x80   ? 1
                       : first < 0xC2 ? 0
                       : first < 0xE0 ? 2
                       : first < 0xF0 ? 3
                       : first < 0xF5 ? 4
                                      : 0;
    char32_t value = kBadByte + first;
    std::size_t used = 1;
    if (length == 1) {
      value = first;
    } else if (length > 1 && i + static_cast<std::size_t>(length) <= s.size()) {
      char32_t c = first & (0xFFu >> (length + 1));
      bool good = true;
      for (int k = 1; k < length; ++k) {
        const unsigned char next = byte(i + static_cast<std::size_t>(k));
        good = good && (next & 0xC0) == 0x80;
        c = c << 6 | (next & 0x3Fu);
      }
      constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
      if (good && c >= kLeast[length] && c < kBadByte && !(c >= 0xD800 && c < 0xE000)) {
        value = c;
        used = static_cast<std::size_t>(length);
      }
    }
    out.push_back({value, static_cast<std::uint32_t>(out.size())});
    i += used;
  }
  return out;
}

void append(std::string& out, char32_t c) {
  if (c >= kBadByte) {
    out += static_cast<char>(c - kBadByte);
  } else if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

std::string encode(const CodePoint* first, const CodePoint* last) {
  std::string out;
  for (; first != last; ++first) append(out, first->value);
  return out;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  for (const CodePoint& c : decode(text)) append(out, c.value >= kBadByte ? kReplacement : c.value);
  return out;
}

bool is_letter(char32_t c) { return (category_mask(c) & U_GC_L_MASK) != 0; }
bool is_number(char32_t c) { return (category_mask(c) & U_GC_N_MASK) != 0; }
bool is_mark(char32_t c) { return (category_mask(c) & U_GC_MN_MASK) != 0; }
bool is_punctuation(char32_t c) { return (category_mask(c) & U_GC_P_MASK) != 0; }
bool is_other(char32_t c) { return (category_mask(c) & U_GC_C_MASK) != 0; }
bool is_separator(char32_t c) { return (category_mask(c) & U_GC_Z_MASK) != 0; }
bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  return valid(c) && u_isUWhiteSpace(static_cast<UChar32>(c));
}

bool is_chinese(char32_t c) {
  if (c < 0x3400) return false;
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B820 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

namespace {

bool has(char32_t c, UProperty property) {
  return valid(c) && u_hasBinaryProperty(static_cast<UChar32>(c), property);
}

// Unicode's condition Final_Sigma: a cased letter before, none behind, what is case-ignorable
// passed over.
bool is_final(const CodePoints& text, std::size_t i) {
  bool before = false, behind = false;
  for (std::size_t k = i; k-- > 0;) {
    if (has(text[k].value, UCHAR_CASE_IGNORABLE)) continue;
    before = has(text[k].value, UCHAR_CASED);
    break;
  }
  for (std::size_t k = i + 1; k < text.size(); ++k) {
    if (has(text[k].value, UCHAR_CASE_IGNORABLE)) continue;
    behind = has(text[k].value, UCHAR_CASED);
    break;
  }
  return before && !behind;
}

}  // namespace

CodePoints to_lower(const CodePoints& text) {
  CodePoints out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const CodePoint c = text[i];
    if (c.value < 0x80) {
      out.push_back({c.value >= 'A' && c.value <= 'Z' ? c.value + 32 : c.value, c.place});
    } else if (c.value == 0x130) {  // the one letter whose lower case is two code points
      out.push_back({'i', c.place});
      out.push_back({0x307, c.place});
    } else if (c.value == 0x3A3) {
      out.push_back({is_final(text, i) ? char32_t{0x3C2} : char32_t{0x3C3}, c.place});
    } else if (valid(c.value)) {
      out.push_back({static_cast<char32_t>(u_tolower(static_cast<UChar32>(c.value))), c.place});
    } else {
      out.push_back(c);
    }
  }
  return out;
}

CodePoints decompose(const CodePoints& text) {
  UErrorCode status = U_ZERO_ERROR;
  static const UNormalizer2* const form = unorm2_getNFDInstance(&status);
  require<InternalError>(form != nullptr, "ICU has no NFD");
  CodePoints out;
  out.reserve(text.size());
  for (const CodePoint& c : text) {
    UChar units[64];
    UErrorCode error = U_ZERO_ERROR;
    const std::int32_t count =
        c.value < 0xC0 || !valid(c.value)
            ? -1
            : unorm2_getDecomposition(form, static_cast<UChar32>(c.value), units, 64, &error);
    if (count < 0 || U_FAILURE(error)) {
      out.push_back(c);
      continue;
    }
    for (std::int32_t i = 0; i < count;) {
      UChar32 part;
      U16_NEXT(units, i, count, part);
      out.push_back({static_cast<char32_t>(part), c.place});
    }
  }
  return out;
}

}  // namespace athanor::text
