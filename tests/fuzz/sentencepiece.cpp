// A model of any bytes: refused, or it turns texts into tokens that cover them.
#include "athanor/text/sentencepiece.hpp"

#include "athanor/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto model = athanor::text::SentencePiece::parse(bytes, "fuzz");
    for (const std::string_view text :
         {std::string_view("a b \xE4\xB8\xAD \xFF 1"), bytes.substr(0, 200)}) {
      std::vector<std::int64_t> ids;
      for (const auto& token : model->encode(text)) {
        ATH_ASSERT(token.begin <= token.end);
        ids.push_back(token.id);
      }
      (void)model->decode(ids);
    }
  } catch (const athanor::InternalError&) {
    throw;
  } catch (const athanor::Error&) {
    // The refusal is the right answer to hostile bytes.
  }
  return 0;
}
