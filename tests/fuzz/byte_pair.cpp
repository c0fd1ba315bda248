// Merges and a text of any bytes: refused, or every text comes back from its tokens.
#include "athanor/text/byte_pair.hpp"

#include "athanor/base/error.hpp"
#include "athanor/text/unicode.hpp"

namespace {

// One token for each byte, as the vocabularies of GPT-2 begin.
std::vector<std::string> letters() {
  std::vector<std::string> out;
  char32_t next = 256;
  for (unsigned b = 0; b < 256; ++b) {
    const bool own = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    std::string letter;
    athanor::text::append(letter, own ? b : next++);
    out.push_back(letter);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first byte says how many pairs of bytes are merges; the rest is the text.
  if (size < 1) return 0;
  const std::size_t count = std::min<std::size_t>(data[0], (size - 1) / 2);
  std::vector<std::string> tokens = letters();
  std::vector<std::pair<std::string, std::string>> merges;
  for (std::size_t i = 0; i < count; ++i) {
    // Any earlier tokens, so that merges build on merges.
    const std::string& a = tokens[data[1 + 2 * i] * tokens.size() / 256];
    const std::string& b = tokens[data[2 + 2 * i] * tokens.size() / 256];
    merges.emplace_back(a, b);
    tokens.push_back(merges.back().first + merges.back().second);
  }
  const athanor::text::BytePair model(tokens, merges, {});
  const std::string_view text(reinterpret_cast<const char*>(data) + 1 + 2 * count,
                              size - 1 - 2 * count);
  std::vector<std::int64_t> ids;
  for (const auto& token : model.encode(text)) ids.push_back(token.id);
  ATH_ASSERT(model.decode(ids) == text);
  return 0;
}
