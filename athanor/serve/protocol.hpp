#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "athanor/serve/limits.hpp"
#include "athanor/serve/request_parser.hpp"
#include "athanor/serve/router.hpp"

namespace athanor::serve {

/// What the header of a request alone decides: a route, or an answer at once.
struct Admission {
  const Route* route = nullptr;
  PathParams params;
  std::optional<Response> answer;
  bool wants_continue = false;  ///< the client waits for 100 before it sends the body
};

/// Judges a request whose header is complete: target, host, encodings, route. Fills in path, query
/// and language of the request.
Admission admit(const Router& router, Request& request);

/// The path belongs to the Open Inference Protocol, whose clients read an `error` member.
bool is_inference_path(std::string_view path);

/// The problem as this request's client wants to read it.
Response refusal(const Problem& problem, const Request& request);

/// Runs the handler; whatever it throws becomes a problem document.
Response handle(const Route& route, const Request& request, const PathParams& params);

/// Status line and header fields, up to and with the empty line. Control characters in values are
/// replaced, so that no value can begin a new field.
std::string serialise_head(const Response& response, bool keep_alive, int version);

inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

/// Everything a connection would answer to these bytes, handlers run at once: the same parser,
/// admission and handlers without a socket.
std::string answer_bytes(const Router& router, const Limits& limits, std::string_view bytes);

}  // namespace athanor::serve
