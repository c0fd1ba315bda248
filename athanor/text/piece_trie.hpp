#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor::text {

/// Texts with a number each, found as beginnings of another text. The children of a node lie side
/// by side, so one search over their bytes finds the next.
class PieceTrie {
 public:
  PieceTrie() = default;
  /// The texts need not live on; each stands once, with a number that is not negative.
  explicit PieceTrie(std::vector<std::pair<std::string_view, std::int32_t>> texts);

  /// Calls f(length, number) for every text that begins at s[i], the shortest first.
  template <class F>
  void prefixes(std::string_view s, std::size_t i, const F& f) const {
    if (nodes_.empty()) return;
    const Node* node = nodes_.data();
    for (std::size_t k = i; k < s.size() && node->count > 0; ++k) {
      const void* const at =
          std::memchr(bytes_.data() + node->first, static_cast<unsigned char>(s[k]), node->count);
      if (!at) return;
      node = nodes_.data() + (static_cast<const unsigned char*>(at) - bytes_.data());
      if (node->value >= 0) f(k + 1 - i, node->value);
    }
  }

 private:
  struct Node {
    std::uint32_t first = 0;  // its children: nodes [first, first + count)
    std::uint32_t count = 0;
    std::int32_t value = -1;
  };
  std::vector<Node> nodes_;           // the root first
  std::vector<unsigned char> bytes_;  // of each node: the byte that leads to it
};

}  // namespace athanor::text
