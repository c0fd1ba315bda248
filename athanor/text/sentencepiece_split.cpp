#include <algorithm>
#include <limits>
#include <queue>

#include "athanor/text/sentencepiece_encoder.hpp"

namespace athanor::text {

std::vector<SpPart> SpEncoder::split(std::string_view normal) const {
  return model_.algorithm == SpModel::Algorithm::unigram ? unigram(normal) : pairs(normal);
}

// The likeliest way to cut the text into pieces (Viterbi); an unknown character costs 10 more than
// the least likely piece.
std::vector<SpPart> SpEncoder::unigram(std::string_view s) const {
  constexpr float kUnknownPenalty = 10;
  struct Node {
    float score = -std::numeric_limits<float>::infinity();
    std::size_t from = 0;
    std::int32_t id = -1;
  };
  std::vector<Node> best(s.size() + 1);
  best[0].score = 0;
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t one = sp_length_at(s, i);
    const float before = best[i].score;
    bool single = false;
    const auto offer = [&](std::size_t length, std::int32_t id, float score) {
      Node& node = best[i + length];
      if (node.id < 0 || before + score > node.score) node = {before + score, i, id};
    };
    pieces_.prefixes(s, i, [&](std::size_t length, std::int32_t id) {
      if (piece(id).kind == SpPiece::Kind::unused) return;
      // A user-defined symbol wins over any pieces of the same length.
      const float score = piece(id).kind == SpPiece::Kind::user
                              ? static_cast<float>(length) * highest_ - 0.1f
                              : piece(id).score;
      offer(length, id, score);
      single = single || length == one;
    });
    if (!single) offer(one, static_cast<std::int32_t>(model_.unknown), lowest_ - kUnknownPenalty);
    i += one;
  }
  std::vector<SpPart> out;
  for (std::size_t end = s.size(); end > 0; end = best[end].from)
    out.push_back({best[end].from, end, best[end].id});
  std::reverse(out.begin(), out.end());
  return out;
}

// Joins the pair whose result has the best score, the leftmost of equals, until none is left.
std::vector<SpPart> SpEncoder::pairs(std::string_view s) const {
  struct Symbol {
    std::size_t begin, end;
    std::int32_t before, behind;
    bool frozen;
  };
  std::vector<Symbol> symbols_;
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t symbol = symbol_at(s, i), length = symbol ? symbol : sp_length_at(s, i);
    const auto at = static_cast<std::int32_t>(symbols_.size());
    symbols_.push_back({i, i + length, at - 1, at + 1, symbol > 0});
    i += length;
  }
  if (symbols_.empty()) return {};
  symbols_.back().behind = -1;
  struct Candidate {
    float score;
    std::int32_t left, right;
    std::size_t size;
    bool operator<(const Candidate& o) const {
      return score != o.score ? score < o.score : left > o.left;
    }
  };
  std::priority_queue<Candidate> queue;
  // How a piece that is not used came about, to take it apart again.
  TextMap<std::pair<std::string, std::string>> joined;
  const auto symbol = [&](std::int32_t i) -> Symbol& {
    return symbols_[static_cast<std::size_t>(i)];
  };
  const auto text_of = [&](std::size_t begin, std::size_t end) {
    return s.substr(begin, end - begin);
  };
  const auto offer = [&](std::int32_t left, std::int32_t right) {
    if (left < 0 || right < 0 || symbol(left).frozen || symbol(right).frozen) return;
    const std::string_view whole = text_of(symbol(left).begin, symbol(right).end);
    const auto at = ids_.find(whole);
    if (at == ids_.end()) return;
    const SpPiece& p = piece(static_cast<std::int32_t>(at->second));
    if (p.kind != SpPiece::Kind::normal && p.kind != SpPiece::Kind::user &&
        p.kind != SpPiece::Kind::unused)
      return;
    queue.push({p.score, left, right, whole.size()});
    if (p.kind == SpPiece::Kind::unused)
      joined.try_emplace(std::string(whole),
                         std::string(text_of(symbol(left).begin, symbol(left).end)),
                         std::string(text_of(symbol(right).begin, symbol(right).end)));
  };
  for (std::int32_t i = 1; i < static_cast<std::int32_t>(symbols_.size()); ++i) offer(i - 1, i);
  while (!queue.empty()) {
    const Candidate c = queue.top();
    queue.pop();
    Symbol &left = symbol(c.left), &right = symbol(c.right);
    if (left.begin == left.end || right.begin == right.end || right.end - left.begin != c.size ||
        left.behind != c.right)
      continue;
    left.end = right.end;
    left.behind = right.behind;
    if (right.behind >= 0) symbol(right.behind).before = c.left;
    right.end = right.begin;  // gone
    offer(left.before, c.left);
    offer(c.left, left.behind);
  }
  std::vector<SpPart> out;
  // A piece that is not used is taken apart as it was joined.
  std::vector<std::pair<std::size_t, std::size_t>> open;
  for (std::int32_t i = 0; i >= 0; i = symbol(i).behind) {
    open.emplace_back(symbol(i).begin, symbol(i).end);
    while (!open.empty()) {
      const auto [begin, end] = open.back();
      open.pop_back();
      const std::string_view text = text_of(begin, end);
      const auto at = ids_.find(text);
      const auto id = static_cast<std::int32_t>(at == ids_.end() ? model_.unknown : at->second);
      const auto parts = joined.find(text);
      if (piece(id).kind == SpPiece::Kind::unused && parts != joined.end()) {
        const std::size_t middle = begin + parts->second.first.size();
        open.emplace_back(middle, end);
        open.emplace_back(begin, middle);
        continue;
      }
      const bool plain = piece(id).kind == SpPiece::Kind::normal ||
                         piece(id).kind == SpPiece::Kind::user ||
                         piece(id).kind == SpPiece::Kind::unused;
      out.push_back({begin, end, plain ? id : static_cast<std::int32_t>(model_.unknown)});
    }
  }
  return out;
}

}  // namespace athanor::text
