#include "athanor/serve/router.hpp"

#include <algorithm>

namespace athanor::serve {

namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(const std::string& segment) { return segment.size() > 2 && segment[0] == '{'; }

}  // namespace

const std::string& PathParams::operator[](std::string_view name) const {
  for (const auto& [key, value] : values_)
    if (key == name) return value;
  throw InternalError(fmt::format("the route has no parameter {}", name));
}

bool PathParams::has(std::string_view name) const {
  return std::any_of(values_.begin(), values_.end(),
                     [&](const auto& v) { return v.first == name; });
}

void Router::add(std::string method, std::string pattern, Handler handler, Run run) {
  require(!pattern.empty() && pattern[0] == '/', "route '{}' does not begin with /", pattern);
  Route route{std::move(method), pattern, {}, std::move(handler), run};
  for (std::string_view segment : split(pattern)) route.segments.emplace_back(segment);
  routes_.push_back(std::move(route));
}

Match Router::match(std::string_view method, std::string_view path) const {
  Match result;
  if (path.empty() || path[0] != '/') return result;
  // No pattern is nearly as deep as this: a path of a thousand slashes needs no list of them.
  if (std::count(path.begin(), path.end(), '/') > 32) return result;
  std::vector<std::string> segments;
  for (std::string_view raw : split(path)) {
    if (!percent_decode(raw, false, segments.emplace_back())) {
      result.malformed = true;
      return result;
    }
  }
  for (const Route& route : routes_) {
    if (route.segments.size() != segments.size()) continue;
    bool same = true;
    for (std::size_t i = 0; same && i < segments.size(); ++i)
      same =
          is_parameter(route.segments[i]) ? !segments[i].empty() : route.segments[i] == segments[i];
    if (!same) continue;
    if (route.method != method && !(method == "HEAD" && route.method == "GET")) {
      result.allowed.push_back(route.method);
      if (route.method == "GET") result.allowed.emplace_back("HEAD");
      continue;
    }
    result.route = &route;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const std::string& pattern = route.segments[i];
      if (is_parameter(pattern))
        result.params.add(pattern.substr(1, pattern.size() - 2), segments[i]);
    }
    result.allowed.clear();
    return result;
  }
  return result;
}

}  // namespace athanor::serve
