#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace athanor::text {

/// A map from text that is looked up by string_view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

/// Numbers of tokens; a token that stands twice has its last number, as BERT reads its file.
TextMap<std::int64_t> numbers_of(const std::vector<std::string>& tokens);

}  // namespace athanor::text
