#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "athanor/text/tokenizer.hpp"
#include "athanor/text/unicode.hpp"

namespace athanor::text {

/// Tokens that are kept whole where they stand in a text.
class SpecialTokens {
 public:
  /// An empty name stands nowhere and is passed over.
  void add(std::string_view name, std::int64_t id);

  /// Appends the special tokens of a text to `out` and calls plain(bytes, first, last) for what
  /// lies between, in order. points: of decode(text).
  template <class Plain>
  void split(std::string_view text, const CodePoints& points, std::vector<Token>& out,
             const Plain& plain) const {
    std::size_t start = 0, i = 0, byte = 0, start_byte = 0;
    const auto flush = [&] {
      if (start == i) return;
      plain(text.substr(start_byte, byte - start_byte), points.data() + start, points.data() + i);
    };
    while (i < points.size()) {
      const Special* const found = first_.has(points[i].value) ? longest_at(points, i) : nullptr;
      if (!found) {
        byte += utf8_length(points[i++].value);
        continue;
      }
      flush();
      const std::size_t end = i + found->text.size();
      out.push_back({found->id, static_cast<std::int64_t>(i), static_cast<std::int64_t>(end)});
      for (; i < end; ++i) byte += utf8_length(points[i].value);
      start = i;
      start_byte = byte;
    }
    flush();
  }

 private:
  struct Special {
    CodePoints text;
    std::int64_t id;
  };
  const Special* longest_at(const CodePoints& points, std::size_t i) const;

  std::vector<Special> special_;
  FirstSet first_;  // the code points that special tokens begin with
};

}  // namespace athanor::text
