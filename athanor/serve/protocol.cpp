#include "athanor/serve/protocol.hpp"

#include <ctime>

namespace athanor::serve {

namespace {

Problem bad_request(const char* code, Text detail) { return {400, code, std::move(detail), {}}; }

/// A field that decides how the body is read must not come twice: two readers could choose
/// differently.
std::optional<Problem> check_fields(const Request& request) {
  if (request.version >= 11 && request.headers.count("Host") != 1)
    return bad_request(
        "host", {"HTTP/1.1 needs exactly one Host field", "HTTP/1.1 必须有且仅有一个 Host 请求头"});
  for (const char* name : {"Content-Type", "Content-Encoding", "Inference-Header-Content-Length",
                           "Transfer-Encoding", "Content-Length"})
    if (request.headers.count(name) > 1)
      return bad_request("repeated-field", {fmt::format("the field {} comes more than once", name),
                                            fmt::format("请求头 {} 重复", name)});
  if (const std::string* encoding = request.headers.find("Transfer-Encoding")) {
    if (request.version < 11)
      return bad_request("transfer-encoding",
                         {"HTTP/1.0 has no Transfer-Encoding", "HTTP/1.0 没有 Transfer-Encoding"});
    if (!equal_ignoring_case(trim(*encoding), "chunked"))
      return Problem{501,
                     "transfer-encoding",
                     {"the only transfer encoding is chunked", "仅支持 chunked 传输编码"},
                     {}};
  }
  if (const std::string* encoding = request.headers.find("Content-Encoding"))
    if (!equal_ignoring_case(trim(*encoding), "identity"))
      return Problem{415,
                     "content-encoding",
                     {"compressed bodies are not accepted", "不接受压缩的请求体"},
                     {"send the body without Content-Encoding", "请不要压缩请求体"}};
  return std::nullopt;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void append_value(std::string& head, std::string_view value) {
  for (char c : value) head.push_back(static_cast<unsigned char>(c) < 32 || c == 127 ? ' ' : c);
}

}  // namespace

bool is_inference_path(std::string_view path) {
  return path == "/v2" || path.substr(0, 4) == "/v2/";
}

Response refusal(const Problem& problem, const Request& request) {
  return problem_response(problem, request.language, is_inference_path(request.path));
}

Admission admit(const Router& router, Request& request) {
  Admission result;
  request.language = preferred_language(request.headers.get("Accept-Language"));
  const bool target_ok = split_target(request.target, request);
  if (auto problem = check_fields(request)) {
    result.answer = refusal(*problem, request);
    result.answer->close = true;
    return result;
  }
  if (!target_ok) {
    result.answer =
        refusal(bad_request("bad-address", {"the address is not valid", "地址无效"}), request);
    return result;
  }
  if (const std::string* expect = request.headers.find("Expect")) {
    if (!equal_ignoring_case(trim(*expect), "100-continue")) {
      result.answer = refusal(
          {417, "expectation", {"only 100-continue is known", "仅支持 100-continue"}, {}}, request);
      return result;
    }
    result.wants_continue = request.version >= 11;
  }
  Match match = router.match(request.method, request.path);
  if (match.malformed) {
    result.answer = refusal(
        bad_request("bad-address", {"the address has a broken % escape", "地址中的 % 转义无效"}),
        request);
    return result;
  }
  if (match.route) {
    result.route = match.route;
    result.params = std::move(match.params);
    return result;
  }
  if (match.allowed.empty() && request.path != "*") {
    result.answer = refusal({404,
                             "no-such-path",
                             {"there is nothing at this path", "该路径不存在"},
                             {"GET / shows what this server answers", "访问 / 查看可用接口"}},
                            request);
    return result;
  }
  match.allowed.emplace_back("OPTIONS");
  if (request.method == "OPTIONS") {
    result.answer.emplace();
    result.answer->status = 204;
    result.answer->content_type.clear();
  } else {
    const std::string methods = join(match.allowed);
    result.answer = refusal({405,
                             "method-not-allowed",
                             {fmt::format("this path answers {}", methods),
                              fmt::format("该路径支持的方法：{}", methods)},
                             {}},
                            request);
  }
  result.answer->headers.add("Allow", join(match.allowed));
  return result;
}

Response handle(const Route& route, const Request& request, const PathParams& params) {
  try {
    return route.handler(request, params);
  } catch (const std::exception& error) {
    return refusal(problem_of(error), request);
  } catch (...) {
    return refusal(problem_of(InternalError("an exception of unknown type")), request);
  }
}

std::string serialise_head(const Response& response, bool keep_alive, int version) {
  std::string head = fmt::format("HTTP/1.{} {} {}\r\n", version >= 11 ? 1 : 0, response.status,
                                 reason_phrase(response.status));
  char date[64];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  head += fmt::format("Date: {}\r\nServer: athanor\r\n", date);
  if (!response.content_type.empty()) {
    head += "Content-Type: ";
    append_value(head, response.content_type);
    head += "\r\nX-Content-Type-Options: nosniff\r\n";
  }
  if (response.status != 204) head += fmt::format("Content-Length: {}\r\n", response.body.size());
  for (const auto& [name, value] : response.headers.all()) {
    head += name;
    head += ": ";
    append_value(head, value);
    head += "\r\n";
  }
  if (!keep_alive)
    head += "Connection: close\r\n";
  else if (version < 11)
    head += "Connection: keep-alive\r\n";
  head += "\r\n";
  return head;
}

std::string answer_bytes(const Router& router, const Limits& limits, std::string_view bytes) {
  std::string answers;
  std::span<const char> rest(bytes.data(), bytes.size());
  while (!rest.empty()) {
    RequestParser parser(limits);
    Admission admission;
    bool admitted = false;
    auto state = parser.state();
    while (state == RequestParser::State::header || state == RequestParser::State::body) {
      const std::size_t used = rest.empty() ? 0 : parser.feed(rest);
      rest = rest.subspan(used);
      state = parser.state();
      if (!admitted &&
          (state == RequestParser::State::body || state == RequestParser::State::done)) {
        admission = admit(router, parser.request());
        admitted = true;
        if (admission.answer && state == RequestParser::State::body) break;
        if (admission.wants_continue && state == RequestParser::State::body && rest.empty())
          answers += kContinue;
        continue;
      }
      if (used == 0 &&
          (state == RequestParser::State::header || state == RequestParser::State::body))
        return answers;  // the stream ended inside a request
    }
    Request& request = parser.request();
    Response response;
    if (state == RequestParser::State::failed) {
      response = refusal(parser.problem(), request);
      response.close = true;
    } else if (admission.answer) {
      response = std::move(*admission.answer);
      if (state == RequestParser::State::body) response.close = true;
    } else {
      response = handle(*admission.route, request, admission.params);
    }
    const bool keep = parser.keep_alive() && !response.close;
    answers += serialise_head(response, keep, request.version);
    if (request.method != "HEAD") answers += response.body;
    if (!keep) break;
  }
  return answers;
}

}  // namespace athanor::serve
