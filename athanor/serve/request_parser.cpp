#include "athanor/serve/request_parser.hpp"

// With AddressSanitizer g++ 12 takes the empty boost::optional inside Beast for an uninitialised
// read.
#ifdef __SANITIZE_ADDRESS__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace athanor::serve {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

namespace {

std::string mebibytes(std::size_t bytes) {
  return bytes % (1 << 20) == 0 ? fmt::format("{} MiB", bytes >> 20)
                                : fmt::format("{} bytes", bytes);
}

Problem body_too_large(std::size_t limit) {
  return {413,
          "body-too-large",
          {fmt::format("the body is larger than {}", mebibytes(limit)),
           fmt::format("请求体超过 {}", mebibytes(limit))},
          {"send smaller inputs or several requests", "缩小输入，或分成多个请求"}};
}

Problem header_too_large(std::size_t limit) {
  return {431,
          "header-too-large",
          {fmt::format("request line and header fields are larger than {} bytes", limit),
           fmt::format("请求行与请求头超过 {} 字节", limit)},
          {"send fewer or shorter header fields", "减少或缩短请求头"}};
}

Problem address_too_long(std::size_t limit) {
  return {414,
          "address-too-long",
          {fmt::format("the request line is longer than {} bytes", limit),
           fmt::format("请求行超过 {} 字节", limit)},
          {"send data in the body", "请把数据放在请求体中"}};
}

Problem malformed(const std::string& what) {
  return {400,
          "malformed-request",
          {"not a valid HTTP/1.1 request: " + what, "不是有效的 HTTP/1.1 请求：" + what},
          {}};
}

}  // namespace

struct RequestParser::Machine final : http::basic_parser<true> {
  Machine(const Limits& l, MemoryBudget* budget) : limits(l) {
    header_limit(static_cast<std::uint32_t>(limits.max_header));
    body_limit(boost::none);  // counted here, to answer before the body comes
    eager(false);
    request.memory = MemoryLease(budget);
  }

  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    request.method = std::string(method.data(), method.size());
    request.target = std::string(target.data(), target.size());
    request.version = version;
    header_bytes += method.size() + target.size() + 12;
  }

  void on_response_impl(int, string_view, int, error_code&) override {}

  void on_field_impl(http::field, string_view name, string_view value, error_code& ec) override {
    if (header_complete) return;  // trailers carry nothing that we use
    header_bytes += name.size() + value.size() + 4;
    if (header_bytes > limits.max_header || ++fields > limits.max_fields)
      return fail(ec, header_too_large(limits.max_header));
    request.headers.add({name.data(), name.size()}, {value.data(), value.size()});
  }

  void on_header_impl(error_code& ec) override {
    header_complete = true;
    state = State::body;
    const auto length = content_length();
    if (length && *length > limits.max_body) fail(ec, body_too_large(limits.max_body));
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    // A claim of more is believed as it comes true.
    if (length)
      request.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 1 << 20)));
  }

  std::size_t on_body_impl(string_view data, error_code& ec) override { return take(data, ec); }

  void on_chunk_header_impl(std::uint64_t size, string_view, error_code& ec) override {
    if (size > limits.max_body - request.body.size()) fail(ec, body_too_large(limits.max_body));
  }

  std::size_t on_chunk_body_impl(std::uint64_t, string_view data, error_code& ec) override {
    return take(data, ec);
  }

  void on_finish_impl(error_code&) override { state = State::done; }

  std::size_t take(string_view data, error_code& ec) {
    if (data.size() > limits.max_body - request.body.size()) {
      fail(ec, body_too_large(limits.max_body));
      return 0;
    }
    if (!request.memory.grow(data.size())) {
      fail(ec, {503,
                "memory-busy",
                {"the requests in progress hold all memory that the server gives to bodies",
                 "正在处理的请求已占满请求体内存"},
                {"try again in a moment", "请稍后重试"}});
      return 0;
    }
    request.body.insert(request.body.end(), data.begin(), data.end());
    return data.size();
  }

  void fail(error_code& ec, Problem p) {
    problem = std::move(p);
    state = State::failed;
    ec = http::error::bad_value;  // any error stops the parser; `problem` says which
  }

  const Limits& limits;
  Request request;
  Problem problem;
  State state = State::header;
  std::size_t header_bytes = 0;
  int fields = 0;
  bool header_complete = false;
  bool seen = false;
};

RequestParser::RequestParser(const Limits& limits, MemoryBudget* budget)
    : machine_(std::make_unique<Machine>(limits, budget)) {}
RequestParser::~RequestParser() = default;

RequestParser::State RequestParser::state() const { return machine_->state; }
bool RequestParser::started() const { return machine_->seen; }
const Problem& RequestParser::problem() const { return machine_->problem; }
Request& RequestParser::request() { return machine_->request; }
bool RequestParser::keep_alive() const {
  return machine_->header_complete && machine_->keep_alive();
}

std::size_t RequestParser::feed(std::span<const char> bytes) {
  Machine& m = *machine_;
  std::size_t used = 0;
  // RFC 9112, 2.2: an empty line before the request line is to be ignored.
  if (!m.seen && bytes.size() >= 2 && bytes[0] == '\r' && bytes[1] == '\n') used = 2;
  if (!m.seen && used == 0 && bytes.size() == 1 && bytes[0] == '\r') return 0;
  while (used < bytes.size() && (m.state == State::header || m.state == State::body)) {
    const bool in_header = m.state == State::header;
    m.seen = true;
    const auto rest = bytes.subspan(used);
    error_code ec;
    used += m.put(boost::asio::const_buffer(rest.data(), rest.size()), ec);
    if (ec == http::error::need_more) return used;
    if (ec && m.state != State::failed) {
      m.state = State::failed;
      if (ec == http::error::header_limit) {
        const std::string_view text(rest.data(), std::min(rest.size(), m.limits.max_header));
        m.problem = m.request.method.empty() && text.find("\r\n") == std::string_view::npos
                        ? address_too_long(m.limits.max_header)
                        : header_too_large(m.limits.max_header);
      } else if (ec == http::error::bad_version) {
        m.problem = {505,
                     "http-version",
                     {"only HTTP/1.1 and HTTP/1.0 are spoken here", "仅支持 HTTP/1.1 和 HTTP/1.0"},
                     {}};
      } else {
        m.problem = malformed(ec.message());
      }
    }
    if (in_header) return used;
  }
  return used;
}

}  // namespace athanor::serve
