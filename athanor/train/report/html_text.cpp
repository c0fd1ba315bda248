#include "athanor/train/report/html_text.hpp"

#include <algorithm>
#include <array>

#include "athanor/train/report/utf8.hpp"

namespace athanor::train::report {

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t i = 0; i < text.size();) {
    const Character c = character_at(text, i);
    switch (c.code) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        if (c.code == 0xFFFD || is_invisible_control(c.code))
          out += "\xEF\xBF\xBD";
        else
          out += text.substr(i, c.length);
    }
    i += c.length;
  }
  return out;
}

std::string escape_sentence(std::string_view text) {
  std::string out = escape(text);
  for (std::size_t i = 0; (i = out.find(" %", i)) != out.npos; ++i)
    if (i > 0 && out[i - 1] >= '0' && out[i - 1] <= '9') out.replace(i, 1, "\xC2\xA0");
  return out;
}

std::string script_json(const nlohmann::json& value) {
  const std::string plain = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  std::string out;
  out.reserve(plain.size() + plain.size() / 16);
  // These stand in strings only, where an escape means the same.
  for (char c : plain) {
    if (c == '<')
      out += "\\u003c";
    else if (c == '>')
      out += "\\u003e";
    else if (c == '&')
      out += "\\u0026";
    else
      out += c;
  }
  return out;
}

std::string data_uri(std::span<const std::uint8_t> picture) {
  constexpr std::array<std::uint8_t, 3> jpeg{0xFF, 0xD8, 0xFF};
  constexpr std::array<std::uint8_t, 8> png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  const auto begins = [&](const auto& magic) {
    return picture.size() > magic.size() && std::equal(magic.begin(), magic.end(), picture.begin());
  };
  std::string out;
  if (begins(jpeg))
    out = "data:image/jpeg;base64,";
  else if (begins(png))
    out = "data:image/png;base64,";
  else
    return out;
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + (picture.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < picture.size(); i += 3) {
    const std::size_t left = picture.size() - i;
    const std::uint32_t bits = std::uint32_t{picture[i]} << 16 |
                               (left > 1 ? std::uint32_t{picture[i + 1]} << 8 : 0u) |
                               (left > 2 ? std::uint32_t{picture[i + 2]} : 0u);
    out += digits[bits >> 18];
    out += digits[bits >> 12 & 63];
    out += left > 1 ? digits[bits >> 6 & 63] : '=';
    out += left > 2 ? digits[bits & 63] : '=';
  }
  return out;
}

}  // namespace athanor::train::report
