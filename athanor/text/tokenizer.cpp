#include "athanor/text/tokenizer.hpp"

#include "athanor/base/error.hpp"
#include "athanor/base/parallel.hpp"

namespace athanor::text {

const std::string& Tokenizer::token(std::int64_t id) const {
  require<IndexError>(id >= 0 && id < size(), "token {} is outside the vocabulary [0, {})", id,
                      size());
  return tokens_[static_cast<std::size_t>(id)];
}

Framed frame(std::span<const Token> first, std::span<const Token> second, bool pair,
             const Framing& f) {
  std::size_t a = first.size(), b = pair ? second.size() : 0;
  const std::size_t special = (f.start ? 1 : 0) + (f.separator ? (pair ? 2 : 1) : 0);
  Framed out;
  if (f.max_length > 0) {
    const auto limit = static_cast<std::size_t>(f.max_length);
    require(limit > special, "max_length {} leaves no room beside {} special tokens", f.max_length,
            special);
    while (special + a + b > limit) {  // the longer one loses its last token; the second in a tie
      (a > b ? a : b) -= 1;
      out.cut = true;
    }
  }
  const auto add = [&](std::int64_t id, std::int64_t type) {
    out.ids.push_back(id);
    out.types.push_back(type);
  };
  if (f.start) add(*f.start, 0);
  for (std::size_t i = 0; i < a; ++i) add(first[i].id, 0);
  if (f.separator) add(*f.separator, 0);
  if (!pair) return out;
  for (std::size_t i = 0; i < b; ++i) add(second[i].id, 1);
  if (f.separator) add(*f.separator, 1);
  return out;
}

std::vector<std::vector<Token>> encode_all(const Tokenizer& tokenizer,
                                           std::span<const std::string> texts) {
  std::vector<std::vector<Token>> out(texts.size());
  parallel_for(
      static_cast<std::int64_t>(texts.size()), 16, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
          out[i] = tokenizer.encode(texts[i]);
      });
  return out;
}

}  // namespace athanor::text
