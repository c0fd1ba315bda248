#include <nlohmann/json.hpp>

#include "athanor/serve/base64.hpp"
#include "athanor/serve/json.hpp"
#include "athanor/serve/multipart.hpp"
#include "athanor/serve/problem.hpp"
#include "tests/serve/support.hpp"

namespace athanor::serve::testing {
namespace {

std::span<const std::uint8_t> span_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <class F>
int status_of(F f) {
  try {
    f();
  } catch (const HttpError& error) {
    return error.problem().status;
  }
  return 200;
}

TEST(Base64, DecodesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"Zg==", "f"},
                                                       {"Zm8=", "fo"},
                                                       {"Zm9v", "foo"},
                                                       {"Zm9vYg==", "foob"},
                                                       {"Zm9vYmE=", "fooba"},
                                                       {"Zm9vYmFy", "foobar"}};
  for (const auto& [coded, plain] : cases) {
    EXPECT_EQ(as_text(decode_base64(coded)), plain);
    EXPECT_EQ(encode_base64(span_of(plain)), coded);
  }
}

TEST(Base64, RefusesEverythingThatIsNotStrict) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zh==", "Zm9=", "Zm9v\n",
                          "Zm 9", "Zm-_", "Zg==Zg==", "Z=g=", "\xff\xff\xff\xff"})
    EXPECT_THROW(decode_base64(bad), FormatError) << bad;
}

TEST(Json, DepthAndNumberOfValuesAreBounded) {
  const JsonLimits limits{8, 20};
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(status_of([&] { parse_json(span_of(nested(8)), limits); }), 200);
  EXPECT_EQ(status_of([&] { parse_json(span_of(nested(9)), limits); }), 400);
  EXPECT_EQ(status_of([&] { parse_json(span_of(std::string(1'000'000, '[')), limits); }), 400);
  std::string many = "[0";
  for (int i = 0; i < 30; ++i) many += ",0";
  EXPECT_EQ(status_of([&] { parse_json(span_of(many + "]"), limits); }), 400);
}

TEST(Json, WhatIsNotJsonIsRefused) {
  for (const char* bad :
       {"", " ", "{", "nul", "NaN", "[Infinity]", "[-Infinity]", "1e400", "{\"a\":1,\"a\":2}",
        "[1,]", "{} {}", "\"\\ud800\"", "\"\xff\"", "01", "+1", "'a'", "[1]//c", "\"\t\""})
    EXPECT_EQ(status_of([&] { parse_json(span_of(bad), {}); }), 400) << bad;
}

TEST(Json, DocumentsAreBuiltAsNlohmannBuildsThem) {
  const std::string text =
      R"({"a":[1,-2,3.5,null,true,"x\u4e2d"],"b":{"c":{},"d":[[],{}]},"":18446744073709551615})";
  EXPECT_EQ(parse_json(span_of(text), {}), nlohmann::json::parse(text));
}

TEST(Multipart, GivesNamesFilesAndBytes) {
  const std::string body =
      "preamble\r\n--B\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a "
      "\\\"b\\\".png\"\r\n"
      "Content-Type: image/png\r\n\r\n\x89PNG\r\n--C\r\n\r\n--B\r\n"
      "content-disposition: form-data; name=top_k\r\n\r\n3\r\n--B  \r\n"
      "Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--B--\r\nepilogue";
  const auto parts = parse_multipart(span_of(body), "B", 10);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "image");
  EXPECT_EQ(parts[0].filename, "a \"b\".png");
  EXPECT_EQ(parts[0].content_type, "image/png");
  EXPECT_EQ(std::string(parts[0].content.begin(), parts[0].content.end()), "\x89PNG\r\n--C\r\n");
  EXPECT_EQ(parts[1].name, "top_k");
  EXPECT_FALSE(parts[1].is_file);
  EXPECT_EQ(std::string(parts[1].content.begin(), parts[1].content.end()), "3");
  EXPECT_EQ(parts[2].content.size(), 0u);
}

TEST(Multipart, MalformedBodiesAreRefused) {
  const std::string part = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx";
  const std::string cases[] = {
      "",
      "no boundary at all",
      part,
      part + "\r\n--B",
      part + "\r\n--Bx\r\n",
      part + "\r\n--B\r\n",
      "--B\r\n\r\nx\r\n--B--",
      "--B\r\nno colon\r\n\r\nx\r\n--B--",
      "--B\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--B--",
      "--B\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n"
      "\r\nx\r\n--B--",
      "--B\r\nX: " + std::string(10'000, 'y') + "\r\n\r\nx\r\n--B--"};
  for (const std::string& body : cases)
    EXPECT_EQ(status_of([&] { parse_multipart(span_of(body), "B", 10); }), 400) << body;
  for (const std::string& boundary : {std::string(), std::string(71, 'b'), std::string("a\"b")})
    EXPECT_EQ(status_of([&] { parse_multipart(span_of(part + "\r\n--B--"), boundary, 10); }), 400);
}

TEST(Multipart, TooManyPartsAre413) {
  std::string body;
  for (int i = 0; i < 100'000; ++i)
    body += "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
  EXPECT_EQ(status_of([&] { parse_multipart(span_of(body + "--B--"), "B", 512); }), 413);
}

}  // namespace
}  // namespace athanor::serve::testing
