#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "athanor/text/piece_trie.hpp"
#include "athanor/text/sentencepiece_model.hpp"
#include "athanor/text/vocabulary.hpp"

// What a SentencePiece model does with a text: its normalisation, and the search for pieces.
namespace athanor::text {

inline constexpr std::string_view kSpSpace = "\xE2\x96\x81";  // U+2581 stands for a space

/// A text as the model sees it, and the code point of the given text that each byte came from.
struct SpNormal {
  struct Source {
    std::uint32_t begin, end;
  };
  std::string text;
  std::vector<Source> sources;
  void add(std::string_view s, Source from) {
    text += s;
    for (std::size_t i = 0; i < s.size(); ++i) sources.push_back(from);
  }
  void drop(std::size_t count) {
    text.resize(text.size() - count);
    sources.resize(text.size());
  }
};

/// Bytes of the character that begins at a place of valid UTF-8, no more than are left.
std::size_t sp_length_at(std::string_view s, std::size_t i);

/// A piece of the normal text: bytes [begin, end).
struct SpPart {
  std::size_t begin, end;
  std::int32_t id;
};

class SpEncoder {
 public:
  SpEncoder() = default;
  /// Throws FormatError for pieces that do not fit together, UnsupportedError for the kinds word
  /// and char.
  SpEncoder(SpModel model, const std::string& name);

  SpNormal normalize(std::string_view text) const;
  /// The pieces of a normal text, by the model's algorithm.
  std::vector<SpPart> split(std::string_view normal) const;

  const SpModel& model() const { return model_; }
  const SpPiece& piece(std::int32_t id) const {
    return model_.pieces[static_cast<std::size_t>(id)];
  }
  const TextMap<std::int64_t>& ids() const { return ids_; }
  /// The piece of a byte; -1: the model has none.
  std::int32_t byte(unsigned char value) const { return bytes_[value]; }

 private:
  void add_byte(std::int32_t id, const std::string& name);
  std::size_t symbol_at(std::string_view s, std::size_t i) const;
  std::vector<SpPart> unigram(std::string_view s) const;
  std::vector<SpPart> pairs(std::string_view s) const;

  SpModel model_;
  CharsMap rules_;
  TextMap<std::int64_t> ids_;
  PieceTrie pieces_, symbols_;  // what may stand in a text; user-defined symbols alone
  float lowest_ = 0, highest_ = 0;
  std::array<std::int32_t, 256> bytes_{};
};

}  // namespace athanor::text
