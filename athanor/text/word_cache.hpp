#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

// Words that were tokenized before, with their tokens: a text repeats most of its words.
namespace athanor::text {

/// A token of a word; code points [begin, end) from the word's first.
struct Piece {
  std::int32_t id = 0;
  std::uint32_t begin = 0, end = 0;
};

/// A table with two places for each hash; a new word takes the place of an old one. Words of more
/// than kLongest bytes or kPieces tokens are not kept. For one thread.
class WordCache {
 public:
  static constexpr std::size_t kPlaces = 1 << 14, kLongest = 30, kPieces = 6;

  /// Whether the word is in the table; then `pieces` are its tokens, up to the next put().
  bool find(std::string_view word, std::span<const Piece>& pieces) const {
    if (word.size() > kLongest) return false;
    const std::size_t at = index(word);
    for (const std::size_t i : {at, at ^ 1}) {
      const Place& place = places_[i];
      if (place.length != word.size() || std::memcmp(place.word, word.data(), word.size()) != 0)
        continue;
      pieces = {place.pieces, place.count};
      return true;
    }
    return false;
  }
  /// The word, not empty, is not in the table.
  void put(std::string_view word, std::span<const Piece> pieces) {
    if (word.size() > kLongest || pieces.size() > kPieces) return;
    // Small at first: a tokenizer that sees few words pays for few.
    if (places_.size() < kPlaces && ++kept_ > places_.size() / 2) {
      places_ = std::vector<Place>(places_.size() * 4);
      kept_ = 1;
    }
    const std::size_t at = index(word);
    if (places_[at].length != 0) places_[at ^ 1] = places_[at];
    Place& place = places_[at];
    place.length = static_cast<std::uint8_t>(word.size());
    place.count = static_cast<std::uint8_t>(pieces.size());
    std::memcpy(place.word, word.data(), word.size());
    std::copy(pieces.begin(), pieces.end(), place.pieces);
  }

 private:
  struct Place {
    Piece pieces[kPieces];
    char word[kLongest];
    std::uint8_t length = 0, count = 0;  // length 0: empty
  };
  std::size_t index(std::string_view word) const {
    return std::hash<std::string_view>{}(word) % places_.size();
  }
  std::vector<Place> places_ = std::vector<Place>(kPlaces >> 8);
  std::size_t kept_ = 0;  // words put since the table grew
};

/// A tokenizer's tables, as many as threads used it at once.
class WordCaches {
 public:
  /// Lends a table while it lives.
  class Loan {
   public:
    explicit Loan(WordCaches& from) : from_(from) {
      const std::lock_guard lock(from_.mutex_);
      if (from_.idle_.empty()) return;
      cache_ = std::move(from_.idle_.back());
      from_.idle_.pop_back();
    }
    ~Loan() {
      if (!cache_) return;
      const std::lock_guard lock(from_.mutex_);
      from_.idle_.push_back(std::move(cache_));
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    WordCache& operator*() {
      if (!cache_) cache_ = std::make_unique<WordCache>();
      return *cache_;
    }

   private:
    WordCaches& from_;
    std::unique_ptr<WordCache> cache_;
  };

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<WordCache>> idle_;
};

}  // namespace athanor::text
