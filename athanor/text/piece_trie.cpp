#include "athanor/text/piece_trie.hpp"

#include <algorithm>

namespace athanor::text {

PieceTrie::PieceTrie(std::vector<std::pair<std::string_view, std::int32_t>> texts) {
  if (texts.empty()) return;
  std::sort(texts.begin(), texts.end());
  // The texts of each node, [begin, end), share their first `depth` bytes.
  struct Range {
    std::size_t begin, end, depth;
  };
  std::vector<Range> ranges{{0, texts.size(), 0}};
  nodes_.resize(1);
  bytes_.resize(1);
  for (std::size_t n = 0; n < ranges.size(); ++n) {  // grows while it runs: breadth first
    const Range range = ranges[n];
    std::size_t at = range.begin;
    if (texts[at].first.size() == range.depth) nodes_[n].value = texts[at++].second;
    nodes_[n].first = static_cast<std::uint32_t>(nodes_.size());
    while (at < range.end) {
      const char byte = texts[at].first[range.depth];
      const std::size_t begin = at;
      while (at < range.end && texts[at].first[range.depth] == byte) ++at;
      ranges.push_back({begin, at, range.depth + 1});
      nodes_.emplace_back();
      bytes_.push_back(static_cast<unsigned char>(byte));
      ++nodes_[n].count;
    }
  }
}

}  // namespace athanor::text
