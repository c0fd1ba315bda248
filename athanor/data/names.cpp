#include "athanor/data/names.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

namespace athanor::data {

namespace {

std::optional<std::string> convert(std::string_view raw, const char* from) {
  const iconv_t handle = ::iconv_open("UTF-8", from);
  if (handle == reinterpret_cast<iconv_t>(-1)) return std::nullopt;
  std::string in(raw), out;
  out.resize(raw.size() * 4 + 16);
  char* source = in.data();
  std::size_t left = in.size();
  char* target = out.data();
  std::size_t room = out.size();
  const std::size_t result = ::iconv(handle, &source, &left, &target, &room);
  ::iconv_close(handle);
  if (result == static_cast<std::size_t>(-1) || left != 0) return std::nullopt;
  out.resize(out.size() - room);
  return out;
}

std::string hex_escaped(std::string_view raw) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

// CP437 has letters at 0x80..0xA5, mostly alone among ASCII; GB2312 text is pairs of bytes that are
// both at or above 0xA1.
bool looks_like_gbk(std::string_view raw) {
  int pairs = 0, others = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto lead = static_cast<unsigned char>(raw[i]);
    if (lead < 0x80) continue;
    if (i + 1 >= raw.size()) return false;
    const auto trail = static_cast<unsigned char>(raw[++i]);
    (lead >= 0xA1 && lead <= 0xF7 && trail >= 0xA1 ? pairs : others)++;
  }
  return pairs > 0 && pairs >= others;
}

// GBK can be UTF-8 by accident: "图片一" is CD BC C6 AC D2 BB, which also reads as a Greek, a Latin
// and a Cyrillic letter. A word of several alphabets, all of whose letters are pairs of GB2312, is
// taken as such an accident. U+0080..U+00BF (degree, micro ...) belong to every alphabet.
bool is_utf8_by_accident(std::string_view raw) {
  enum { latin = 1, greek = 2, cyrillic = 4, other = 8 };
  int alphabets = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto lead = static_cast<unsigned char>(raw[i]);
    if (lead < 0x80) continue;
    if (lead >= 0xE0) return false;
    const auto trail = static_cast<unsigned char>(raw[++i]);
    if (trail < 0xA1) return false;
    const unsigned code = (lead & 0x1Fu) << 6 | (trail & 0x3Fu);
    if (code >= 0xC0)
      alphabets |= code < 0x370 ? latin : code < 0x400 ? greek : code < 0x530 ? cyrillic : other;
  }
  return (alphabets & (alphabets - 1)) != 0;
}

std::string decode_component(std::string_view raw) {
  if (is_utf8(raw)) {
    if (is_utf8_by_accident(raw))
      if (auto text = convert(raw, "GB18030")) return *text;
    return std::string(raw);
  }
  if (looks_like_gbk(raw))
    if (auto text = convert(raw, "GB18030")) return *text;
  if (auto text = convert(raw, "CP437")) return *text;
  return hex_escaped(raw);
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  std::size_t i = 0;
  const auto at = [&](std::size_t k) { return static_cast<unsigned char>(bytes[k]); };
  while (i < bytes.size()) {
    const unsigned char lead = at(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    std::size_t extra = 0;
    std::uint32_t code = 0, least = 0;
    if (lead >= 0xC2 && lead <= 0xDF) {
      extra = 1, code = lead & 0x1Fu, least = 0x80;
    } else if ((lead & 0xF0) == 0xE0) {
      extra = 2, code = lead & 0x0Fu, least = 0x800;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      extra = 3, code = lead & 0x07u, least = 0x10000;
    } else {
      return false;
    }
    if (bytes.size() - i <= extra) return false;
    for (std::size_t k = 1; k <= extra; ++k) {
      if ((at(i + k) & 0xC0) != 0x80) return false;
      code = (code << 6) | (at(i + k) & 0x3Fu);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += extra + 1;
  }
  return true;
}

bool is_gbk_name(std::string_view raw) {
  return !is_utf8(raw) && looks_like_gbk(raw) && convert(raw, "GB18030").has_value();
}

std::string decode_name(std::string_view raw) {
  std::string out;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = raw.find('/', begin);
    out += decode_component(raw.substr(begin, end == raw.npos ? raw.npos : end - begin));
    if (end == raw.npos) return out;
    out += '/';
    begin = end + 1;
  }
}

std::string decode_text(std::string_view raw) {
  if (raw.starts_with("\xEF\xBB\xBF")) raw.remove_prefix(3);
  if (raw.starts_with("\xFF\xFE"))
    if (auto text = convert(raw.substr(2), "UTF-16LE")) return *text;
  if (raw.starts_with("\xFE\xFF"))
    if (auto text = convert(raw.substr(2), "UTF-16BE")) return *text;
  if (is_utf8(raw)) return std::string(raw);
  if (auto text = convert(raw, "GB18030")) return *text;
  if (auto text = convert(raw, "CP1252")) return *text;
  return hex_escaped(raw);
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string suffix_of(std::string_view path) {
  const std::size_t slash = path.find_last_of("/\\");
  const std::string_view file = slash == path.npos ? path : path.substr(slash + 1);
  const std::size_t dot = file.rfind('.');
  if (dot == file.npos || dot == 0) return {};
  return lower_ascii(file.substr(dot));
}

bool has_picture_suffix(std::string_view path) {
  static constexpr std::array<std::string_view, 10> kSuffixes = {
      ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"};
  const std::string suffix = suffix_of(path);
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

bool is_clutter(std::string_view component) {
  if (component.starts_with('.')) return true;
  const std::string name = lower_ascii(component);
  return name == "__macosx" || name == "thumbs.db" || name == "desktop.ini" || name == "@eadir";
}

bool parse_number(std::string_view text, double& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && result.ec == std::errc{} && result.ptr == text.data() + text.size() &&
         std::isfinite(value);
}

void sort_classes(std::vector<std::string>& classes) {
  std::sort(classes.begin(), classes.end());
  double value = 0;
  const bool numbers = std::all_of(classes.begin(), classes.end(),
                                   [&](const std::string& c) { return parse_number(c, value); });
  if (!numbers) return;
  std::sort(classes.begin(), classes.end(), [](const std::string& a, const std::string& b) {
    double x = 0, y = 0;
    parse_number(a, x);
    parse_number(b, y);
    return x != y ? x < y : a < b;
  });
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    std::size_t end = path.find('/', begin);
    if (end == path.npos) end = path.size();
    if (end > begin) parts.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace athanor::data
