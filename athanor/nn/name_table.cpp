#include "athanor/nn/name_table.hpp"

#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::nn {

namespace {

std::vector<std::string_view> parts_of(std::string_view name) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    out.push_back(name.substr(at, dot - at));
    at = dot + 1;
  }
  return out;
}

// The parts that the stars of a pattern stand for; false when it does not fit.
bool fits(std::string_view pattern, std::string_view name, std::vector<std::string_view>& stars) {
  const auto want = parts_of(pattern), given = parts_of(name);
  stars.clear();
  if (want.size() != given.size()) return false;
  for (std::size_t i = 0; i < want.size(); ++i) {
    // A star may stand within a part: "encoder_layer_*".
    const std::size_t star = want[i].find('*');
    if (star == std::string_view::npos) {
      if (want[i] != given[i]) return false;
      continue;
    }
    const std::string_view before = want[i].substr(0, star), after = want[i].substr(star + 1);
    if (given[i].size() < before.size() + after.size() || !given[i].starts_with(before) ||
        !given[i].ends_with(after))
      return false;
    stars.push_back(given[i].substr(before.size(), given[i].size() - before.size() - after.size()));
  }
  return true;
}

std::string filled(std::string_view pattern, std::span<const std::string_view> stars) {
  std::string out;
  std::size_t next = 0;
  for (const char c : pattern) {
    if (c == '*' && next < stars.size()) {
      out += stars[next++];
    } else {
      out += c;
    }
  }
  return out;
}

void put(TensorMap& out, const std::string& name, const Tensor& tensor, const std::string& from) {
  require<FormatError>(out.emplace(name, tensor).second,
                       "weights: '{}' would be '{}', which another tensor is already", from, name);
}

}  // namespace

TensorMap translate_names(const TensorMap& weights, std::span<const NameRule> rules,
                          std::span<const std::string> prefixes) {
  TensorMap out;
  const NoGrad no_grad;
  for (const auto& [full, given] : weights) {
    std::string_view name = full;
    for (const std::string& prefix : prefixes)
      if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
        break;
      }
    std::vector<std::string_view> stars;
    const NameRule* rule = nullptr;
    for (const NameRule& r : rules)
      if (fits(r.theirs, name, stars)) {
        rule = &r;
        break;
      }
    if (!rule) {
      put(out, std::string(name), given, full);
      continue;
    }
    Tensor tensor = given;
    if (rule->transpose) {
      require<FormatError>(tensor.rank() == 2, "weights: '{}' is {}; it must be a matrix", full,
                           describe(tensor));
      tensor = ops::permute(tensor, {1, 0});
    }
    const auto count = static_cast<std::int64_t>(rule->ours.size());
    if (count <= 1) {
      if (count == 1) put(out, filled(rule->ours[0], stars), tensor, full);
      continue;
    }
    require<FormatError>(tensor.rank() >= 1 && tensor.dim(0) % count == 0,
                         "weights: '{}' is {}; it must have {} equal parts along axis 0", full,
                         describe(tensor), count);
    const std::int64_t size = tensor.dim(0) / count;
    for (std::int64_t i = 0; i < count; ++i)
      put(out, filled(rule->ours[static_cast<std::size_t>(i)], stars),
          ops::slice(tensor, 0, i * size, (i + 1) * size, 1), full);
  }
  return out;
}

}  // namespace athanor::nn
