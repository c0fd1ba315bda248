#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What stands in a SentencePiece file (sentencepiece_model.proto), and its rules of normalisation.
namespace athanor::text {

// What a file may ask for; the largest models known are a tenth of it.
inline constexpr std::uint64_t kSpFileBytes = std::uint64_t{64} << 20;
inline constexpr std::size_t kSpPieceBytes = 4096;                      ///< one piece
inline constexpr std::size_t kSpAllPieceBytes = std::size_t{16} << 20;  ///< together
inline constexpr std::size_t kSpRuleBytes = 1024;  ///< what a rule of normalisation takes or gives

struct SpPiece {
  enum class Kind : std::uint8_t { normal = 1, unknown, control, user, unused, byte };
  std::string text;
  float score = 0;
  Kind kind = Kind::normal;
};

struct SpModel {
  enum class Algorithm : std::uint8_t { unigram = 1, bpe, word, character };
  std::vector<SpPiece> pieces;
  Algorithm algorithm = Algorithm::unigram;
  bool byte_fallback = false, space_behind = false;
  std::int64_t unknown = 0, start = 1, end = 2, padding = -1;
  std::string unknown_surface = " \xE2\x81\x87 ";
  std::string charsmap;  ///< precompiled rules
  bool add_dummy_prefix = true, remove_extra_spaces = true, escape_spaces = true;
};

/// Throws FormatError that names the file and where it breaks.
SpModel parse_sentencepiece(std::string_view bytes, const std::string& name);

/// Rules "the longest of these texts becomes that one", as SentencePiece keeps them: a double array
/// (Aoe 1989, in the layout of darts-clone) and a block of texts.
class CharsMap {
 public:
  CharsMap() = default;
  /// Throws FormatError for a block whose sizes do not fit.
  CharsMap(std::string_view blob, const std::string& name);
  /// The longest rule that fits the start of `text`: how many bytes it takes (0: none) and what
  /// they become.
  std::size_t longest(std::string_view text, std::string_view& becomes) const {
    return text.empty() || !begins_[static_cast<unsigned char>(text[0])]
               ? 0
               : longest_from(text, becomes);
  }

 private:
  std::size_t longest_from(std::string_view text, std::string_view& becomes) const;

  std::array<bool, 256> begins_{};  // the bytes that rules begin with
  std::vector<std::uint32_t> units_;
  std::string texts_;
};

}  // namespace athanor::text
