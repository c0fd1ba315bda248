// A vocabulary and a text of any bytes: the tokens lie within the text, in order.
#include "athanor/text/wordpiece.hpp"

#include "athanor/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // Tokens up to an empty line; behind it the text.
  std::vector<std::string> tokens{"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"};
  std::size_t at = 0;
  while (at < size) {
    const std::size_t end = std::min(bytes.find('\n', at), size);
    if (end == at) break;
    tokens.emplace_back(bytes.substr(at, end - at));
    at = end + 1;
  }
  const std::string_view text = bytes.substr(std::min(at, size));
  for (const bool lower : {true, false}) {
    athanor::text::WordPieceOptions options;
    options.lower_case = lower;
    const athanor::text::WordPiece model(tokens, options);
    const auto points = static_cast<std::int64_t>(athanor::text::decode(text).size());
    std::int64_t before = 0;
    std::vector<std::int64_t> ids;
    for (const auto& token : model.encode(text)) {
      ATH_ASSERT(token.begin >= 0 && token.begin < token.end && token.end <= points);
      ATH_ASSERT(token.begin >= before - 1);
      before = token.end;
      ids.push_back(token.id);
    }
    (void)model.decode(ids);
  }
  return 0;
}
