#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "athanor/serve/http.hpp"
#include "athanor/serve/limits.hpp"
#include "athanor/serve/problem.hpp"

namespace athanor::serve {

/// Reads one HTTP/1 request from pieces of a byte stream, within the limits. It never looks at a
/// socket: the connection, the tests and the fuzzer feed the same object.
class RequestParser {
 public:
  enum class State { header, body, done, failed };

  /// `budget` may be null; then bodies are bounded by max_body alone.
  explicit RequestParser(const Limits& limits, MemoryBudget* budget = nullptr);
  ~RequestParser();

  /// Takes bytes from the front of `bytes` and says how many. It returns early when the header is
  /// complete, so that the caller can refuse before a body is read: feed again while there are
  /// bytes and the state is `header` or `body`. Bytes that it leaves are to be offered again with
  /// more behind them.
  std::size_t feed(std::span<const char> bytes);

  State state() const;
  /// A byte of the request has been seen.
  bool started() const;
  /// In state `failed`.
  const Problem& problem() const;
  /// Method, target and headers are there after state `header`; the body in state `done`.
  Request& request();
  /// False until the header is complete.
  bool keep_alive() const;

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace athanor::serve
