#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <unordered_map>

#include "athanor/text/special_tokens.hpp"
#include "athanor/text/tokenizer.hpp"
#include "athanor/text/unicode.hpp"
#include "athanor/text/vocabulary.hpp"
#include "athanor/text/word_cache.hpp"

namespace athanor::text {

struct BytePairOptions {
  std::vector<std::string> special = {"<|endoftext|>"};  ///< kept whole where they stand in a text
};

/// GPT-2's tokenizer (Radford et al. 2019, openai/gpt-2 encoder.py): a text is split into words,
/// numbers, signs and white space; the bytes of each are joined pair by pair in the order of the
/// merges. Any bytes have tokens, and decode() gives them back as they were.
class BytePair final : public Tokenizer {
 public:
  /// `tokens`: by number, in the alphabet that stands for bytes. `merges`: pairs, the first joined
  /// first. Throws ValueError for a byte without a token or a merge whose result has none.
  BytePair(std::vector<std::string> tokens,
           const std::vector<std::pair<std::string, std::string>>& merges,
           BytePairOptions options = {});
  /// vocab.json (or encoder.json) and merges.txt (or vocab.bpe). Throws IoError, FormatError that
  /// names file and line.
  static std::unique_ptr<BytePair> from_files(const std::filesystem::path& vocabulary,
                                              const std::filesystem::path& merges,
                                              BytePairOptions options = {});

  std::vector<Token> encode(std::string_view text) const override;
  /// The bytes; a text that was cut within a character is no UTF-8 at its end.
  std::string decode(std::span<const std::int64_t> ids) const override;
  std::optional<std::int64_t> id_of(std::string_view token) const override;

 private:
  struct Merge {
    std::int32_t rank = 0, result = 0;
  };
  void encode_plain(std::string_view bytes, const CodePoint* first, const CodePoint* last,
                    WordCache& cache, std::vector<Token>& out) const;
  void encode_word(std::string_view word, const CodePoint* first, const CodePoint* last,
                   std::vector<Piece>& out) const;
  void merge(std::string_view bytes, std::vector<std::int32_t>& out) const;

  TextMap<std::int64_t> ids_;
  std::array<std::int32_t, 256> bytes_{};            // the token of each byte
  std::unordered_map<std::uint64_t, Merge> merges_;  // by both tokens
  std::vector<std::string> raw_;                     // the bytes of each token
  SpecialTokens special_;
  mutable WordCaches caches_;
};

}  // namespace athanor::text
