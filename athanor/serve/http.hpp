#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"

namespace athanor::serve {

using Clock = std::chrono::steady_clock;

bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);

/// Header fields in the order of arrival; names compare without case.
class Headers {
 public:
  void add(std::string name, std::string value);
  void set(std::string name, std::string value);
  /// The first value of that name, nullptr when there is none.
  const std::string* find(std::string_view name) const;
  std::string_view get(std::string_view name) const;
  int count(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// A common account of bytes that many requests share.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}
  bool take(std::size_t bytes);
  void give(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

/// The part of a budget that one request holds; given back when it goes.
class MemoryLease {
 public:
  MemoryLease() = default;
  explicit MemoryLease(MemoryBudget* budget) : budget_(budget) {}
  MemoryLease(MemoryLease&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), held_(std::exchange(other.held_, 0)) {}
  MemoryLease& operator=(MemoryLease&& other) noexcept;
  ~MemoryLease() { release(); }
  bool grow(std::size_t bytes);

 private:
  void release();
  MemoryBudget* budget_ = nullptr;
  std::size_t held_ = 0;
};

struct Request {
  std::string method;
  std::string target;                                      ///< as it came
  std::string path;                                        ///< still percent-encoded, without query
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded
  Headers headers;
  Bytes body;
  std::string remote;  ///< address of the client
  int version = 11;    ///< 10 or 11, for HTTP/1.0 and HTTP/1.1
  Language language = Language::en;
  bool draining = false;  ///< the server is about to stop
  Clock::time_point deadline = Clock::time_point::max();
  MemoryLease memory;

  /// First value of a query parameter, nullptr when there is none.
  const std::string* parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  Headers headers;
  std::string body;
  bool close = false;  ///< the connection ends with this response
};

std::string_view reason_phrase(int status);

/// Decodes %XX. False for a broken escape or a NUL byte.
bool percent_decode(std::string_view text, bool plus_is_space, std::string& out);

/// Splits a request target (origin form or absolute form) into path and query. False when
/// malformed.
bool split_target(std::string_view target, Request& request);

/// The language that an Accept-Language header prefers; English unless Chinese ranks higher.
Language preferred_language(std::string_view accept_language);

/// `value` of `name` in a header such as `multipart/form-data; boundary="x"`, quotes removed.
/// Empty when absent.
std::string header_parameter(std::string_view header, std::string_view name);
/// The media type of a Content-Type header: lower case, without parameters.
std::string media_type(std::string_view content_type);

}  // namespace athanor::serve
