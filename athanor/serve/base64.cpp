#include "athanor/serve/base64.hpp"

#include <array>

#include "athanor/base/error.hpp"

namespace athanor::serve {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}();

}  // namespace

Bytes decode_base64(std::string_view text) {
  require<FormatError>(text.size() % 4 == 0,
                       "base64: {} characters are not a multiple of 4 (padding is required)",
                       text.size());
  std::size_t padding = 0;
  if (!text.empty() && text.back() == '=') padding = text[text.size() - 2] == '=' ? 2 : 1;
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int value = k < digits ? kValues[static_cast<unsigned char>(text[i + k])] : 0;
      require<FormatError>(value >= 0, "base64: character {} is not of the alphabet", i + k);
      bits = bits << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t k = 0; k + 1 < digits; ++k)
      out.push_back(static_cast<std::uint8_t>(bits >> (16 - 8 * k)));
    const std::uint32_t unused = digits == 2 ? 0xffffu : digits == 3 ? 0xffu : 0u;
    require<FormatError>((bits & unused) == 0, "base64: the last character has unused bits set");
  }
  return out;
}

std::string encode_base64(std::span<const std::uint8_t> bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < count ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out.push_back(k <= count ? kAlphabet[bits >> (18 - 6 * k) & 63u] : '=');
  }
  return out;
}

}  // namespace athanor::serve
