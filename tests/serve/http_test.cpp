#include "athanor/serve/http.hpp"

#include <nlohmann/json.hpp>

#include "tests/serve/support.hpp"

namespace athanor::serve::testing {
namespace {

Router small_router() {
  Router router;
  router.add("GET", "/hello", text_handler("hi"));
  router.add("POST", "/echo", [](const Request& request, const PathParams&) {
    Response response;
    response.body.assign(request.body.begin(), request.body.end());
    return response;
  });
  router.add("GET", "/name/{name}/x", [](const Request& request, const PathParams& params) {
    Response response;
    response.body = params["name"];
    for (const auto& [key, value] : request.query) response.body += "|" + key + "=" + value;
    return response;
  });
  router.add("GET", "/throw/{what}", [](const Request&, const PathParams& params) -> Response {
    const std::string& what = params["what"];
    if (what == "shape") throw ShapeError("shape text");
    if (what == "value") throw ValueError("value text");
    if (what == "dtype") throw DTypeError("dtype text");
    if (what == "format") throw FormatError("format text");
    if (what == "unsupported") throw UnsupportedError("unsupported text");
    if (what == "memory") throw OutOfMemoryError("memory text");
    if (what == "alloc") throw std::bad_alloc();
    if (what == "io") throw IoError("/secret/path", 5);
    if (what == "internal") throw InternalError("secret text");
    if (what == "int") throw 7;
    throw std::runtime_error("secret text");
  });
  return router;
}

TEST(HttpRouter, GivesDecodedParametersAndQuery) {
  const Answer a = answer_of(small_router(), get("/name/a%2Fb%20c/x?k=v+w&e=%E4%B8%AD&flag"));
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.body, "a/b c|k=v w|e=中|flag=");
}

TEST(HttpRouter, UnknownPathsAre404AndOtherMethods405WithAllow) {
  EXPECT_EQ(answer_of(small_router(), get("/nothing")).status, 404);
  EXPECT_EQ(answer_of(small_router(), get("/hello/")).status, 404);
  const Answer a = answer_of(small_router(), post("/hello", ""));
  EXPECT_EQ(a.status, 405);
  EXPECT_EQ(a.headers.at("allow"), "GET, HEAD, OPTIONS");
  const Answer options = answer_of(small_router(), "OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "POST, OPTIONS");
}

TEST(HttpRouter, HeadAnswersAsGetWithoutBody) {
  std::string bytes = answer_bytes(small_router(), {}, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto a = take_answer(bytes, true);
  ASSERT_TRUE(a);
  EXPECT_EQ(a->status, 200);
  EXPECT_EQ(a->headers.at("content-length"), "2");
  EXPECT_EQ(bytes, "");
}

TEST(HttpRouter, TheAbsoluteFormIsUnderstood) {
  EXPECT_EQ(answer_of(small_router(), get("http://example.org:80/hello")).body, "hi");
}

TEST(HttpProblem, ExceptionsHaveTheirStatus) {
  const std::pair<const char*, int> cases[] = {
      {"shape", 400},       {"value", 400},  {"dtype", 400}, {"format", 400},
      {"unsupported", 415}, {"memory", 503}, {"alloc", 503}, {"io", 500},
      {"internal", 500},    {"int", 500},    {"std", 500}};
  for (const auto& [what, status] : cases) {
    const Answer a = answer_of(small_router(), get(std::string("/throw/") + what));
    EXPECT_EQ(a.status, status) << what;
    EXPECT_EQ(a.headers.at("content-type"), "application/problem+json");
    const auto json = nlohmann::json::parse(a.body);
    EXPECT_EQ(json["status"], status);
    for (const char* member : {"type", "title", "detail", "code"})
      EXPECT_TRUE(json[member].is_string());
    EXPECT_EQ(a.headers.count("retry-after"), status == 503 ? 1u : 0u);
    EXPECT_EQ(a.body.find("secret"), std::string::npos) << "inner texts stay inside";
  }
}

TEST(HttpProblem, SpeaksTheClientsLanguage) {
  const auto zh =
      answer_of(small_router(), get("/nothing", "Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n"));
  EXPECT_EQ(nlohmann::json::parse(zh.body)["title"], "未找到");
  EXPECT_EQ(zh.headers.at("content-language"), "zh");
  const auto en =
      answer_of(small_router(), get("/nothing", "Accept-Language: fr, en;q=0.9, zh;q=0.1\r\n"));
  EXPECT_EQ(nlohmann::json::parse(en.body)["title"], "Not found");
}

TEST(HttpLanguage, FollowsTheQualities) {
  EXPECT_EQ(preferred_language(""), Language::en);
  EXPECT_EQ(preferred_language("zh"), Language::zh);
  EXPECT_EQ(preferred_language("zh-TW;q=0.3, en;q=0.2"), Language::zh);
  EXPECT_EQ(preferred_language("zh;q=0"), Language::en);
  EXPECT_EQ(preferred_language("de, zh;q=0.5"), Language::zh);
  EXPECT_EQ(preferred_language("*, zh;q=0.5"), Language::en);
  EXPECT_EQ(preferred_language(";;;,q=,zh;q=x"), Language::en);
}

TEST(HttpHeader, ParametersAreUnquoted) {
  EXPECT_EQ(header_parameter("multipart/form-data; boundary=abc", "boundary"), "abc");
  EXPECT_EQ(header_parameter("x; a=\"q;\\\"r\"; B = \"s\"", "a"), "q;\"r");
  EXPECT_EQ(header_parameter("x; a=\"q;\\\"r\"; b=s", "B"), "s");
  EXPECT_EQ(header_parameter("x; a=\"unfinished", "a"), "unfinished");
  EXPECT_EQ(header_parameter("x", "a"), "");
}

TEST(HttpParser, BodiesComeByLengthAndByChunks) {
  EXPECT_EQ(answer_of(small_router(), post("/echo", "12345")).body, "12345");
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n";
  EXPECT_EQ(answer_of(small_router(), chunked).body, "hello!");
}

TEST(HttpParser, ReadsTheSameInPiecesOfAnySize) {
  const std::string chunked =
      "\r\nPOST /echo?a=b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
  const Limits limits;
  for (std::size_t piece = 1; piece < chunked.size(); ++piece) {
    RequestParser parser(limits);
    std::string pending;
    for (std::size_t at = 0; at < chunked.size(); at += piece) {
      pending += chunked.substr(at, piece);
      std::size_t used;
      do {
        used = parser.feed(pending);
        pending.erase(0, used);
      } while (used > 0 && !pending.empty() && parser.state() != RequestParser::State::done);
    }
    ASSERT_EQ(parser.state(), RequestParser::State::done) << piece;
    EXPECT_EQ(std::string(parser.request().body.begin(), parser.request().body.end()), "hello!");
    EXPECT_EQ(parser.request().target, "/echo?a=b");
  }
}

TEST(HttpParser, PipelinedRequestsAreAnsweredInOrder) {
  std::string bytes =
      answer_bytes(small_router(), {}, post("/echo", "1") + get("/hello") + post("/echo", "2"));
  EXPECT_EQ(take_answer(bytes)->body, "1");
  EXPECT_EQ(take_answer(bytes)->body, "hi");
  EXPECT_EQ(take_answer(bytes)->body, "2");
}

TEST(HttpParser, MalformedRequestsAreRefusedAndNothingAfterThemIsRead) {
  const std::string host = "Host: x\r\n";
  const std::pair<std::string, int> cases[] = {
      {"GARBAGE\r\n\r\n", 400},
      {"GET  /hello HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /hello HTTP/2.0\r\n" + host + "\r\n", 505},
      {"GET /hello HTTX/1.1\r\n" + host + "\r\n", 505},
      {"GET /he\x01llo HTTP/1.1\r\n" + host + "\r\n", 400},
      {std::string("GET /he\0llo HTTP/1.1\r\n", 23) + host + "\r\n", 400},
      {"GET /hello HTTP/1.1\n" + host + "\n\r\n\r\n", 505},
      {"GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHo st: x\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\n: x\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: x\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host +
           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\n" + host +
           "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\n" + host +
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nZ\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
       400},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400},
      {"GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /hello?%0 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /%00 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET hello HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /hello#x HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /hello HTTP/1.1\r\n" + host + "Expect: a-miracle\r\n\r\n", 417},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
       415},
      {"POST /echo HTTP/1.1\r\n" + host +
           "Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n",
       400},
  };
  for (const auto& [request, status] : cases) {
    Answer a = answer_of(small_router(), request);
    EXPECT_EQ(a.status, status) << request << "\n" << a.body;
    EXPECT_EQ(a.headers["content-type"], "application/problem+json") << request;
  }
}

TEST(HttpParser, LimitsHaveTheirStatus) {
  Limits limits;
  limits.max_body = 10;
  limits.max_header = 300;
  limits.max_fields = 5;
  const Router router = small_router();
  EXPECT_EQ(answer_of(router, post("/echo", "1234567890"), limits).status, 200);
  EXPECT_EQ(answer_of(router, post("/echo", "12345678901"), limits).status, 413);
  EXPECT_EQ(answer_of(router,
                      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n",
                      limits)
                .status,
            413);
  EXPECT_EQ(answer_of(router, get("/" + std::string(400, 'a')), limits).status, 414);
  EXPECT_EQ(answer_of(router, get("/hello", "A: " + std::string(400, 'a') + "\r\n"), limits).status,
            431);
  EXPECT_EQ(answer_of(router,
                      get("/hello", "A: " + std::string(150, 'a') +
                                        "\r\nB: " + std::string(150, 'b') + "\r\n"),
                      limits)
                .status,
            431);
  EXPECT_EQ(
      answer_of(router, get("/hello", "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n"), limits).status,
      431);
}

TEST(HttpParser, BodiesOfAllRequestsShareOneBudget) {
  const Limits limits;
  MemoryBudget budget(10);
  const std::string request = post("/echo", "123456");
  const auto feed = [&](RequestParser& parser) {
    std::string_view rest = request;
    while (!rest.empty() && parser.state() != RequestParser::State::failed)
      rest.remove_prefix(parser.feed(rest));
  };
  {
    RequestParser first(limits, &budget), second(limits, &budget);
    feed(first);
    EXPECT_EQ(first.state(), RequestParser::State::done);
    feed(second);
    ASSERT_EQ(second.state(), RequestParser::State::failed);
    EXPECT_EQ(second.problem().status, 503);
    EXPECT_EQ(budget.used(), 6u);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(HttpResponse, ValuesCannotBeginANewField) {
  Response response;
  response.headers.add("X-Name", "a\r\nSet-Cookie: b");
  const std::string head = serialise_head(response, true, 11);
  EXPECT_EQ(head.find("\r\nSet-Cookie"), std::string::npos);
}

}  // namespace
}  // namespace athanor::serve::testing
