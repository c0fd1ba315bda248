#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "athanor/serve/infer.hpp"
#include "tests/serve/support.hpp"

namespace athanor::serve::testing {
namespace {

using Json = nlohmann::json;

struct Served {
  Served() {
    for (const char* type : {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
                             "INT32", "INT64", "FP16", "BF16", "FP32", "FP64", "BYTES"})
      models->add(std::make_shared<EchoModel>("echo_" + lower(type), type,
                                              std::vector<std::int64_t>{-1, 2}));
    auto two = std::make_shared<EchoModel>("two", "FP32", std::vector<std::int64_t>{-1, 2});
    two->edit().inputs.push_back({"x2", "INT32", {2}});
    two->edit().outputs.push_back({"y2", "INT32", {2}});
    two->edit().version = "3";
    models->add(two);
    auto old = std::make_shared<EchoModel>("two", "FP32", std::vector<std::int64_t>{-1, 2});
    old->edit().version = "4";
    models->add(old);
    models->add(std::make_shared<DigitsModel>());
    router = model_router(models, metrics, limits);
  }
  Answer infer(const std::string& model, const std::string& body, const std::string& headers = "") {
    return answer_of(router, post("/v2/models/" + model + "/infer", body, headers), limits);
  }
  std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  std::shared_ptr<ModelRepository> models = std::make_shared<ModelRepository>(metrics);
  Limits limits;
  Router router;
};

Served& served() {
  static Served instance;
  return instance;
}

std::string one_input(const std::string& datatype, const std::string& shape,
                      const std::string& data) {
  return R"({"inputs":[{"name":"x","datatype":")" + datatype + R"(","shape":)" + shape +
         R"(,"data":)" + data + "}]}";
}

TEST(Inference, ServerAndModelMetadata) {
  Served& s = served();
  const auto server = Json::parse(answer_of(s.router, get("/v2")).body);
  EXPECT_EQ(server["name"], "athanor");
  EXPECT_TRUE(server["version"].is_string());
  EXPECT_EQ(server["extensions"][0], "binary_tensor_data");
  EXPECT_EQ(answer_of(s.router, get("/v2/health/live")).status, 200);
  EXPECT_EQ(answer_of(s.router, get("/v2/health/ready")).status, 200);
  EXPECT_EQ(answer_of(s.router, get("/v2/models/two/ready")).status, 200);
  EXPECT_EQ(answer_of(s.router, get("/v2/models/none/ready")).status, 404);
  const auto model = Json::parse(answer_of(s.router, get("/v2/models/two/versions/3")).body);
  EXPECT_EQ(model, Json::parse(R"({"name":"two","versions":["3","4"],"platform":"test",
    "inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]},{"name":"x2","datatype":"INT32","shape":[2]}],
    "outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]},{"name":"y2","datatype":"INT32","shape":[2]}]})"));
  EXPECT_EQ(answer_of(s.router, get("/v2/models/two/versions/9")).status, 404);
}

TEST(Inference, FlatAndNestedDataInAnyOrderOfKeys) {
  const char* bodies[] = {
      R"({"id":"7","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2.5,-3,4e2]}]})",
      R"({"id":"7","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5],[-3,4e2]]}]})",
      R"({"inputs":[{"data":[[1,2.5],[-3,4e2]],"shape":[2,2],"datatype":"FP32","name":"x"}],"id":"7"})",
      R"({"outputs":[{"name":"y"}],"inputs":[{"datatype":"FP32","data":[1,2.5,-3,400],"shape":[2,2],"name":"x","parameters":{}}],"id":"7"})"};
  for (const char* body : bodies) {
    const Answer a = served().infer("echo_fp32", body);
    ASSERT_EQ(a.status, 200) << a.body;
    EXPECT_EQ(Json::parse(a.body), Json::parse(R"({"model_name":"echo_fp32","model_version":"1",
      "id":"7","outputs":[{"name":"y","datatype":"FP32","shape":[2,2],"data":[1.0,2.5,-3.0,400.0]}]})"));
  }
}

TEST(Inference, SeveralInputsAreFoundByName) {
  const Answer a =
      served().infer("two/versions/3",
                     R"({"inputs":[{"name":"x2","shape":[2],"datatype":"INT32","data":[5,6]},
        {"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}],"outputs":[{"name":"y2"}]})");
  ASSERT_EQ(a.status, 200) << a.body;
  const auto json = Json::parse(a.body);
  ASSERT_EQ(json["outputs"].size(), 1u);
  EXPECT_EQ(json["outputs"][0]["name"], "y2");
  EXPECT_EQ(json["outputs"][0]["data"], Json::parse("[5,6]"));
}

TEST(Inference, EveryDatatypeRoundTripsAsJson) {
  const std::pair<const char*, const char*> cases[] = {
      {"BOOL", "[true,false]"},
      {"UINT8", "[0,255]"},
      {"UINT16", "[0,65535]"},
      {"UINT32", "[0,4294967295]"},
      {"UINT64", "[0,18446744073709551615]"},
      {"INT8", "[-128,127]"},
      {"INT16", "[-32768,32767]"},
      {"INT32", "[-2147483648,2147483647]"},
      {"INT64", "[-9223372036854775808,9223372036854775807]"},
      {"FP64", "[4.9e-324,1.7976931348623157e308]"},
      {"BYTES", R"(["","\u4e2d\n\"x\""])"}};
  for (const auto& [type, data] : cases) {
    const Answer a = served().infer("echo_" + lower(type), one_input(type, "[1,2]", data));
    ASSERT_EQ(a.status, 200) << type << a.body;
    EXPECT_EQ(Json::parse(a.body)["outputs"][0]["data"], Json::parse(data)) << type;
  }
}

TEST(Inference, ValuesOutsideTheDatatypeAreRefused) {
  const std::pair<const char*, const char*> cases[] = {{"BOOL", "[1,0]"},
                                                       {"UINT8", "[0,256]"},
                                                       {"UINT8", "[-1,0]"},
                                                       {"INT8", "[-129,0]"},
                                                       {"INT8", "[128,0]"},
                                                       {"UINT64", "[18446744073709551616,0]"},
                                                       {"INT64", "[9223372036854775808,0]"},
                                                       {"INT32", "[1.0,2]"},
                                                       {"INT32", "[\"1\",2]"},
                                                       {"FP32", "[1e39,0]"},
                                                       {"FP32", "[\"1\",0]"},
                                                       {"FP32", "[true,0]"},
                                                       {"FP32", "[null,0]"},
                                                       {"FP32", "[NaN,0]"},
                                                       {"FP64", "[1e400,0]"},
                                                       {"FP64", "[Infinity,0]"},
                                                       {"BYTES", "[1,2]"},
                                                       {"FP16", "[1,2]"},
                                                       {"BF16", "[1,2]"},
                                                       {"FP32", "[{},0]"},
                                                       {"FP32", "{}"},
                                                       {"FP32", "1"}};
  for (const auto& [type, data] : cases) {
    const Answer a = served().infer("echo_" + lower(type), one_input(type, "[1,2]", data));
    EXPECT_EQ(a.status, 400) << type << " " << data << a.body;
    EXPECT_TRUE(Json::parse(a.body)["error"].is_string()) << "protocol clients read this member";
  }
}

/// Numbers as text, and what strtof, an independent reader, makes of them.
TEST(Inference, FloatsAreReadToTheNearest) {
  std::vector<std::string> texts{
      "1", "-0", "-0.0", "0.1", "16777217", "1e-45", "7.006492321624085e-46",
      "7.006492321624086e-46", "3.4028234663852886e38",
      // just above and below the middle of two floats: double rounding
      "1.00000005960464477540", "1.00000005960464477538", "1.000000059604644775390625",
      "1.000000059604644775390626", "1.000000059604644775390624", "8388608.5000000001",
      "8388609.4999999999", "18446744073709551615"};
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    float f;
    const std::uint32_t bits = random();
    std::memcpy(&f, &bits, 4);
    if (!std::isfinite(f)) continue;
    char text[64];
    for (const char* format : {"%.9g", "%.17g"}) {
      std::snprintf(text, sizeof text, format, static_cast<double>(f));
      texts.emplace_back(text);
    }
  }
  if (texts.size() % 2) texts.emplace_back("0");
  std::string data;
  for (const std::string& text : texts) data += (data.empty() ? "[" : ",") + text;
  ModelInfo info;
  info.inputs = {{"x", "FP32", {-1}}};
  info.outputs = {{"y", "FP32", {-1}}};
  const std::string body = one_input("FP32", "[" + std::to_string(texts.size()) + "]", data + "]");
  Limits limits;
  limits.max_batch = 10000;
  const auto request =
      parse_infer_request({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()},
                          std::nullopt, info, limits);
  const auto values = values_of<std::uint32_t>(request.inputs[0].data);
  ASSERT_EQ(values.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const float expected = std::strtof(texts[i].c_str(), nullptr);
    std::uint32_t bits;
    std::memcpy(&bits, &expected, 4);
    EXPECT_EQ(values[i], bits) << texts[i];
  }
}

TEST(Inference, FloatsAreWrittenSoThatTheyReadBackExactly) {
  std::mt19937_64 random(2);
  std::vector<float> floats{0.f, -0.f, 1e-45f, 3.4028235e38f, 0.1f, 16777216.f, 1e10f};
  std::vector<double> doubles{0., -0., 5e-324, 1.7976931348623157e308, 0.1, 1e300};
  while (floats.size() < 1000) {
    float f;
    double d;
    const std::uint64_t bits = random();
    std::memcpy(&d, &bits, 8);
    std::memcpy(&f, &bits, 4);
    if (std::isfinite(f)) floats.push_back(f);
    if (std::isfinite(d)) doubles.push_back(d);
  }
  const auto check = [](const char* type, const auto& values, auto read) {
    std::string text;
    append_json_values({"y", type, {static_cast<std::int64_t>(values.size())}, bytes_of(values)},
                       text);
    ASSERT_TRUE(Json::accept(text));
    const char* at = text.c_str();
    for (const auto value : values) {
      char* end = nullptr;
      const auto back = read(at + 1, &end);
      EXPECT_EQ(std::memcmp(&back, &value, sizeof value), 0) << value;
      at = end;
    }
    EXPECT_STREQ(at, "]");
  };
  check("FP32", floats, [](const char* t, char** end) { return std::strtof(t, end); });
  check("FP64", doubles, [](const char* t, char** end) { return std::strtod(t, end); });
}

TEST(Inference, NotANumberIsRefusedInJsonAndPassesAsBinary) {
  const std::vector<float> values{std::numeric_limits<float>::quiet_NaN(),
                                  std::numeric_limits<float>::infinity()};
  const auto request = [&](const char* output) {
    const std::string json =
        std::string(
            R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}],"outputs":[{"name":"y","parameters":{"binary_data":)") +
        output + "}}]}";
    return served().infer(
        "echo_fp32", json + as_text(bytes_of(values)),
        "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n");
  };
  EXPECT_EQ(request("false").status, 422);
  const Answer a = request("true");
  ASSERT_EQ(a.status, 200);
  const auto length = std::stoul(a.headers.at("inference-header-content-length"));
  EXPECT_EQ(a.body.substr(length), as_text(bytes_of(values)));
}

TEST(Inference, EveryDatatypeRoundTripsAsBinary) {
  const std::pair<const char*, std::string> cases[] = {
      {"BOOL", std::string("\x01\x00", 2)},
      {"UINT8", "\x01\xff"},
      {"UINT16", "abcd"},
      {"UINT32", "abcdefgh"},
      {"UINT64", "abcdefghijklmnop"},
      {"INT8", "\x80\x7f"},
      {"INT16", "abcd"},
      {"INT32", "abcdefgh"},
      {"INT64", "abcdefghijklmnop"},
      {"FP16", "abcd"},
      {"BF16", "abcd"},
      {"FP32", "abcdefgh"},
      {"FP64", "abcdefghijklmnop"},
      {"BYTES", std::string("\x00\x00\x00\x00\x03\x00\x00\x00\xff\x00y", 11)}};
  for (const auto& [type, bytes] : cases) {
    const std::string json = Json{{"parameters", {{"binary_data_output", true}}},
                                  {"inputs",
                                   {{{"name", "x"},
                                     {"datatype", type},
                                     {"shape", {1, 2}},
                                     {"parameters", {{"binary_data_size", bytes.size()}}}}}}}
                                 .dump();
    const Answer a = served().infer(
        "echo_" + lower(type), json + bytes,
        "Content-Type: application/octet-stream\r\nInference-Header-Content-Length: " +
            std::to_string(json.size()) + "\r\n");
    ASSERT_EQ(a.status, 200) << type << a.body;
    EXPECT_EQ(a.headers.at("content-type"), "application/octet-stream");
    const auto length = std::stoul(a.headers.at("inference-header-content-length"));
    const auto head = Json::parse(a.body.substr(0, length));
    EXPECT_EQ(head["outputs"][0]["parameters"]["binary_data_size"], bytes.size());
    EXPECT_EQ(a.body.substr(length), bytes) << type;
  }
}

TEST(Inference, JsonAndBinaryInputsMixInOneRequest) {
  const std::string json =
      R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]},
      {"name":"x2","datatype":"INT32","shape":[2],"parameters":{"binary_data_size":8}}],
      "outputs":[{"name":"y","parameters":{"binary_data":true}},{"name":"y2"}]})";
  const Answer a =
      served().infer("two/versions/3", json + as_text(bytes_of(std::vector<std::int32_t>{7, -8})),
                     "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n");
  ASSERT_EQ(a.status, 200) << a.body;
  const auto length = std::stoul(a.headers.at("inference-header-content-length"));
  EXPECT_EQ(Json::parse(a.body.substr(0, length))["outputs"][1]["data"], Json::parse("[7,-8]"));
  EXPECT_EQ(a.body.substr(length), as_text(bytes_of(std::vector<float>{1, 2})));
}

TEST(Inference, ClassificationGivesTheBestLabels) {
  const Answer a = served().infer(
      "digits",
      R"({"inputs":[{"name":"x","datatype":"FP32","shape":[2,3],"data":[1,3,2,9,0,5]}],
      "outputs":[{"name":"scores","parameters":{"classification":2}}]})");
  ASSERT_EQ(a.status, 200) << a.body;
  const auto output = Json::parse(a.body)["outputs"][0];
  EXPECT_EQ(output["datatype"], "BYTES");
  EXPECT_EQ(output["shape"], Json::parse("[2,2]"));
  EXPECT_EQ(output["data"],
            Json::parse(R"(["0.300000:1:b","0.200000:2:c","0.900000:0:a","0.500000:2:c"])"));
}

TEST(Inference, EveryMistakeInARequestIsNamed) {
  const std::string good = R"({"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]})";
  const auto with = [](const std::string& input) { return R"({"inputs":[)" + input + "]}"; };
  const auto x = [&](const std::string& rest) { return with(R"({"name":"x",)" + rest + "}"); };
  const std::tuple<std::string, const char*> cases[] = {
      {"", "bad-json"},
      {"[]", "bad-json"},
      {"{}", "bad-field"},
      {R"({"inputs":{}})", "bad-field"},
      {R"({"inputs":[]})", "missing-input"},
      {R"({"inputs":[1]})", "bad-field"},
      {with(R"({"datatype":"FP32","shape":[1,2],"data":[1,2]})"), "bad-field"},
      {with(R"({"name":"q","datatype":"FP32","shape":[1,2],"data":[1,2]})"), "unknown-input"},
      {with(good + "," + good), "repeated-input"},
      {x(R"("datatype":"FP64","shape":[1,2],"data":[1,2])"), "bad-datatype"},
      {x(R"("datatype":"FP33","shape":[1,2],"data":[1,2])"), "bad-datatype"},
      {x(R"("datatype":3,"shape":[1,2],"data":[1,2])"), "bad-field"},
      {x(R"("shape":[1,2],"data":[1,2])"), "bad-field"},
      {x(R"("datatype":"FP32","data":[1,2])"), "bad-field"},
      {x(R"("datatype":"FP32","shape":[1,3],"data":[1,2,3])"), "bad-shape"},
      {x(R"("datatype":"FP32","shape":[2],"data":[1,2])"), "bad-shape"},
      {x(R"("datatype":"FP32","shape":[1,2,1],"data":[1,2])"), "bad-shape"},
      {x(R"("datatype":"FP32","shape":[-1,2],"data":[1,2])"), "bad-shape"},
      {x(R"("datatype":"FP32","shape":[0,2],"data":[])"), "bad-shape"},
      {x(R"("datatype":"FP32","shape":[4611686018427387904,2],"data":[1])"), "bad-shape"},
      {x(R"("datatype":"FP32","shape":[4294967296,4294967296],"data":[1])"), "bad-shape"},
      {x(R"("datatype":"FP32","shape":[99999999999999999999,2],"data":[1])"), "bad-field"},
      {x(R"("datatype":"FP32","shape":[1.5,2],"data":[1,2])"), "bad-field"},
      {x(R"("datatype":"FP32","shape":"1,2","data":[1,2])"), "bad-field"},
      {x(R"("datatype":"FP32","shape":[1,2],"data":[1])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[1,2],"data":[1,2,3])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[1,2],"data":[])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[2,2],"data":[[1,2],[3]])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[2,2],"data":[[1,2,3],[4]])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[1,2],"data":[[[1,2]]])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[1,2],"data":[1,[2]])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[1,2],"data":[[1],2])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[2,2],"data":[[],[]])"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[1,2])"), "missing-data"},
      {x(R"("datatype":"FP32","shape":[1,2],"data":[1,2],"data":[1,2])"), "bad-json"},
      {x(R"("datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8})"), "bad-data"},
      {x(R"("datatype":"FP32","shape":[1,2],"parameters":[],"data":[1,2])"), "bad-field"},
      {R"({"id":5,"inputs":[)" + good + "]}", "bad-field"},
      {R"({"inputs":[)" + good + R"(],"outputs":[{"name":"z"}]})", "unknown-output"},
      {R"({"inputs":[)" + good + R"(],"outputs":[{"name":"y"},{"name":"y"}]})", "repeated-output"},
      {R"({"inputs":[)" + good + R"(],"outputs":{}})", "bad-field"},
      {R"({"inputs":[)" + good + R"(],"parameters":{"binary_data_output":1}})", "bad-field"},
      {R"({"inputs":[)" + good +
           R"(],"outputs":[{"name":"y","parameters":{"classification":-1}}]})",
       "bad-field"},
      {std::string(200, '['), "json-too-deep"},
      {x(R"("datatype":"FP32","shape":[1,2],"data":)" + std::string(200, '[')), "json-too-deep"},
  };
  for (const auto& [body, code] : cases) {
    const Answer a = served().infer("echo_fp32", body);
    EXPECT_EQ(a.status, 400) << body;
    const auto json = Json::parse(a.body);
    EXPECT_EQ(json["code"], code) << body << a.body;
    EXPECT_EQ(json["error"], json["detail"]);
    EXPECT_LT(a.body.size(), 2000u) << "answers to mistakes are bounded";
  }
}

TEST(Inference, EveryMistakeInBinaryDataIsNamed) {
  const auto ask = [](const std::string& model, const std::string& datatype,
                      const std::string& size, const std::string& bytes,
                      std::optional<std::string> length = {}) {
    const std::string json = R"({"inputs":[{"name":"x","datatype":")" + datatype +
                             R"(","shape":[1,2],"parameters":{"binary_data_size":)" + size + "}}]}";
    return served().infer(model, json + bytes,
                          "Inference-Header-Content-Length: " +
                              length.value_or(std::to_string(json.size())) + "\r\n");
  };
  EXPECT_EQ(ask("echo_fp32", "FP32", "8", "12345678").status, 200);
  const Answer cases[] = {
      ask("echo_fp32", "FP32", "7", "1234567"),
      ask("echo_fp32", "FP32", "9", "123456789"),
      ask("echo_fp32", "FP32", "8", "1234567"),
      ask("echo_fp32", "FP32", "8", "123456789"),
      ask("echo_fp32", "FP32", "-8", "12345678"),
      ask("echo_fp32", "FP32", "8.0", "12345678"),
      ask("echo_fp32", "FP32", "\"8\"", "12345678"),
      ask("echo_fp32", "FP32", "18446744073709551615", "12345678"),
      ask("echo_fp32", "FP32", "8", "12345678", "0"),
      ask("echo_fp32", "FP32", "8", "12345678", "99999"),
      ask("echo_fp32", "FP32", "8", "12345678", "-1"),
      ask("echo_fp32", "FP32", "8", "12345678", "x"),
      ask("echo_fp32", "FP32", "8", "12345678", "99999999999999999999999"),
      ask("echo_bool", "BOOL", "2", "\x01\x02"),
      ask("echo_bytes", "BYTES", "4", std::string("\x00\x00\x00\x00", 4)),
      ask("echo_bytes", "BYTES", "8", std::string("\x01\x00\x00\x00\xff\xff\xff\xff", 8)),
      ask("echo_bytes", "BYTES", "12", std::string(12, '\0')),
      ask("echo_bytes", "BYTES", "6", std::string(6, '\0')),
  };
  for (const Answer& a : cases) EXPECT_EQ(a.status, 400) << a.body;
}

TEST(Inference, TooManyRowsAre413) {
  std::string data = "[0,0";
  for (int i = 1; i < 257; ++i) data += ",0,0";
  EXPECT_EQ(served().infer("echo_fp32", one_input("FP32", "[257,2]", data + "]")).status, 413);
}

TEST(Inference, HalfTypesInJsonOutputsPointToBinary) {
  const std::string json =
      R"({"inputs":[{"name":"x","datatype":"FP16","shape":[1,2],"parameters":{"binary_data_size":4}}]})";
  const Answer a =
      served().infer("echo_fp16", json + "abcd",
                     "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n");
  EXPECT_EQ(a.status, 422);
  EXPECT_NE(a.body.find("binary_data"), std::string::npos);
}

TEST(Inference, AnUnknownModelNamesTheKnown) {
  const Answer a = served().infer("nobody", one_input("FP32", "[1,2]", "[1,2]"));
  EXPECT_EQ(a.status, 404);
  EXPECT_NE(a.body.find("digits"), std::string::npos);
}

}  // namespace
}  // namespace athanor::serve::testing
