#pragma once

#include <filesystem>
#include <memory>

#include "athanor/text/sentencepiece_encoder.hpp"
#include "athanor/text/tokenizer.hpp"

namespace athanor::text {

/// A tokenizer from a SentencePiece model file (Kudo and Richardson 2018): kinds unigram (the
/// likeliest pieces, Kudo 2018) and bpe, with the file's own normalisation, user-defined symbols
/// and fallback to bytes. Pieces show a space as U+2581. Control symbols (<s>, </s>) are not
/// looked for in a text.
class SentencePiece final : public Tokenizer {
 public:
  /// Throws IoError, FormatError; UnsupportedError for the kinds word and char.
  static std::unique_ptr<SentencePiece> from_file(const std::filesystem::path& path);
  /// A file image; `name` stands in messages.
  static std::unique_ptr<SentencePiece> parse(std::string_view bytes, const std::string& name);

  std::vector<Token> encode(std::string_view text) const override;
  std::string decode(std::span<const std::int64_t> ids) const override;
  std::optional<std::int64_t> id_of(std::string_view token) const override;
  /// The text as the model sees it, spaces as U+2581.
  std::string normalized(std::string_view text) const;

  std::int64_t unknown() const;
  /// Nothing where the model has none.
  std::optional<std::int64_t> start() const, end() const, padding() const;

 private:
  SentencePiece() = default;
  SpEncoder encoder_;
};

}  // namespace athanor::text
