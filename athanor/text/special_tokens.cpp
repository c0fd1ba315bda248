#include "athanor/text/special_tokens.hpp"

#include <algorithm>

namespace athanor::text {

void SpecialTokens::add(std::string_view name, std::int64_t id) {
  if (name.empty()) return;
  special_.push_back({text::decode(name), id});
  first_.add(special_.back().text[0].value);
}

const SpecialTokens::Special* SpecialTokens::longest_at(const CodePoints& points,
                                                        std::size_t i) const {
  const Special* found = nullptr;
  for (const Special& special : special_) {
    const CodePoints& name = special.text;
    if (name.size() <= points.size() - i &&
        std::equal(name.begin(), name.end(), points.begin() + static_cast<std::ptrdiff_t>(i),
                   [](const CodePoint& a, const CodePoint& b) { return a.value == b.value; }) &&
        (!found || name.size() > found->text.size()))
      found = &special;
  }
  return found;
}

}  // namespace athanor::text
