#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "athanor/serve/http.hpp"

namespace athanor::serve {

/// The decoded values of a pattern's {names}.
class PathParams {
 public:
  void add(std::string name, std::string value) { values_.emplace_back(name, std::move(value)); }
  /// Throws InternalError for a name that the pattern does not have.
  const std::string& operator[](std::string_view name) const;
  bool has(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

using Handler = std::function<Response(const Request&, const PathParams&)>;

/// Where a handler runs: on the bounded pool, or at once on the I/O thread. Only what never blocks
/// may be `inline_now`; health answers are, so that they work while every worker is busy.
enum class Run { worker, inline_now };

struct Route {
  std::string method;
  std::string pattern;
  std::vector<std::string> segments;  ///< "{name}" or literal text
  Handler handler;
  Run run = Run::worker;
};

/// What a request matched. Without a route, `allowed` says which methods the path knows; empty
/// means that there is no such path.
struct Match {
  const Route* route = nullptr;
  PathParams params;
  std::vector<std::string> allowed;
  bool malformed = false;  ///< the path has a broken escape
};

/// Patterns such as "/v2/models/{name}/infer". A GET route answers HEAD too.
class Router {
 public:
  void add(std::string method, std::string pattern, Handler handler, Run run = Run::worker);
  Match match(std::string_view method, std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace athanor::serve
