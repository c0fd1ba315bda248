#include "athanor/serve/problem.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <new>
#include <nlohmann/json.hpp>
#include <random>

namespace athanor::serve {

namespace {

Text title_of(int status) {
  switch (status) {
    case 400: return {"The request is not valid", "请求无效"};
    case 404: return {"Not found", "未找到"};
    case 405: return {"This method is not allowed here", "不支持该方法"};
    case 408: return {"The request came too slowly", "请求发送过慢"};
    case 413: return {"The request is too large", "请求过大"};
    case 414: return {"The address is too long", "地址过长"};
    case 415: return {"This format is not supported", "不支持该格式"};
    case 417: return {"This expectation cannot be met", "无法满足 Expect 要求"};
    case 422: return {"The request cannot be answered", "无法处理该请求"};
    case 429: return {"Too many requests", "请求过多"};
    case 431: return {"The header fields are too large", "请求头过大"};
    case 501: return {"Not implemented", "未实现"};
    case 503: return {"The server is busy", "服务器繁忙"};
    case 504: return {"The answer took too long", "处理超时"};
    case 505: return {"This HTTP version is not supported", "不支持该 HTTP 版本"};
    default: return {"athanor made a mistake of its own", "athanor 内部错误"};
  }
}

Text same(const char* text) { return {text, text}; }

int status_of(Exit exit) {
  switch (exit) {
    case Exit::usage: return 400;
    case Exit::data:
    case Exit::model: return 422;
    case Exit::memory:
    case Exit::network:
    case Exit::interrupted: return 503;
    default: return 500;
  }
}

Problem internal_problem(const char* text) {
  static const std::uint32_t process = std::random_device{}();
  static std::atomic<std::uint32_t> counter{0};
  const std::string id = fmt::format("{:08x}-{}", process, ++counter);
  spdlog::error("internal error {}: {}", id, text);
  return {
      500,
      "internal",
      {fmt::format("internal error, recorded as {}", id),
       fmt::format("内部错误，已记录，编号 {}", id)},
      {"please report it with this id and the server's log", "请附上该编号和服务器日志反馈此问题"}};
}

}  // namespace

void refuse(int status, std::string code, Text detail, Text fix) {
  throw HttpError({status, std::move(code), std::move(detail), std::move(fix)});
}

Problem problem_of(const std::exception& error) {
  if (const auto* e = dynamic_cast<const HttpError*>(&error)) return e->problem();
  if (const auto* e = dynamic_cast<const RefusalError*>(&error)) {
    const Refusal& r = e->refusal();
    const int status = status_of(r.exit);
    if (status == 500) return internal_problem(e->what());
    Text detail = r.what;
    const std::string where = r.where.empty() ? "" : " (" + r.where + ")";
    detail.en += where + (r.why.en.empty() ? "" : ": " + r.why.en);
    detail.zh += where + (r.why.zh.empty() ? "" : "：" + r.why.zh);
    return {status, r.code, detail, r.fix};
  }
  if (dynamic_cast<const OutOfMemoryError*>(&error) || dynamic_cast<const std::bad_alloc*>(&error))
    return {503,
            "out-of-memory",
            {"the server has not enough memory for this request", "服务器内存不足，无法处理该请求"},
            {"send smaller or fewer inputs, or try again later", "减少输入或稍后重试"}};
  if (dynamic_cast<const UnsupportedError*>(&error))
    return {415, "unsupported", same(error.what()), {}};
  if (dynamic_cast<const CancelledError*>(&error))
    return {503, "cancelled", same(error.what()), {"try again later", "请稍后重试"}};
  if (dynamic_cast<const ShapeError*>(&error)) return {400, "bad-shape", same(error.what()), {}};
  if (dynamic_cast<const DTypeError*>(&error)) return {400, "bad-datatype", same(error.what()), {}};
  if (dynamic_cast<const FormatError*>(&error)) return {400, "bad-format", same(error.what()), {}};
  if (dynamic_cast<const ValueError*>(&error) || dynamic_cast<const IndexError*>(&error))
    return {400, "bad-value", same(error.what()), {}};
  return internal_problem(error.what());
}

Response problem_response(const Problem& problem, Language language, bool inference_protocol) {
  nlohmann::ordered_json document{{"type", "urn:athanor:problem:" + problem.code},
                                  {"title", in(language, title_of(problem.status))},
                                  {"status", problem.status},
                                  {"detail", in(language, problem.detail)},
                                  {"code", problem.code}};
  if (const auto& fix = in(language, problem.fix); !fix.empty()) document["fix"] = fix;
  if (inference_protocol) document["error"] = in(language, problem.detail);
  Response response;
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.body = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  response.headers.add("Content-Language", language == Language::zh ? "zh" : "en");
  if (problem.status == 503 || problem.status == 429) response.headers.add("Retry-After", "1");
  return response;
}

}  // namespace athanor::serve
