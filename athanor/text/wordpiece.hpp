#pragma once

#include <filesystem>
#include <memory>

#include "athanor/text/special_tokens.hpp"
#include "athanor/text/tokenizer.hpp"
#include "athanor/text/unicode.hpp"
#include "athanor/text/vocabulary.hpp"
#include "athanor/text/word_cache.hpp"

namespace athanor::text {

struct WordPieceOptions {
  bool lower_case = true;
  /// Marks (accents) are taken off. Default: as lower_case.
  std::optional<bool> strip_accents = {};
  bool split_chinese = true;    ///< every Chinese character is a word of its own
  std::int64_t max_word = 100;  ///< code points; a longer word is unknown
  std::string unknown = "[UNK]", start = "[CLS]", separator = "[SEP]", padding = "[PAD]",
              mask = "[MASK]";
};

/// BERT's tokenizer (Devlin et al. 2019, google-research/bert tokenization.py): the text is cleaned
/// and split at white space, punctuation and Chinese characters; each word becomes the longest
/// pieces of the vocabulary, all but the first behind "##". Special tokens in the text are kept
/// whole.
class WordPiece final : public Tokenizer {
 public:
  /// Throws ValueError for an empty vocabulary, or one without the unknown token.
  explicit WordPiece(std::vector<std::string> tokens, WordPieceOptions options = {});
  /// A vocab.txt: one token a line. Throws IoError, FormatError.
  static std::unique_ptr<WordPiece> from_file(const std::filesystem::path& path,
                                              WordPieceOptions options = {});

  std::vector<Token> encode(std::string_view text) const override;
  /// Pieces joined to words, special tokens left out.
  std::string decode(std::span<const std::int64_t> ids) const override;
  std::optional<std::int64_t> id_of(std::string_view token) const override;
  /// [CLS] a [SEP] b [SEP].
  Framing framing(std::int64_t max_length = 0) const;
  const WordPieceOptions& options() const { return options_; }

 private:
  void encode_plain(std::string_view bytes, const CodePoint* first, const CodePoint* last,
                    WordCache& cache, std::vector<Token>& out) const;
  void encode_word(const CodePoint* first, const CodePoint* last, std::vector<Piece>& out) const;
  void add_word(const CodePoint* first, const CodePoint* last, std::vector<Piece>& out) const;

  WordPieceOptions options_;
  TextMap<std::int64_t> ids_;
  SpecialTokens special_;
  mutable WordCaches caches_;
  std::int64_t unknown_ = 0;
  std::size_t longest_ = 0;  // bytes of the longest token
};

}  // namespace athanor::text
