#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "athanor/serve/base64.hpp"
#include "tests/serve/support.hpp"

namespace athanor::serve::testing {
namespace {

using Json = nlohmann::json;

struct Served {
  explicit Served(BatchOptions options = {}) {
    digits = std::make_shared<DigitsModel>();
    models->add(digits, options);
    models->add(std::make_shared<EchoModel>("echo", "FP32", std::vector<std::int64_t>{-1, 2}));
    router = model_router(models, metrics, limits);
  }
  Answer predict(const std::string& body, const std::string& headers = "",
                 const std::string& query = "", const std::string& model = "digits") {
    return answer_of(router, post("/predict/" + model + query, body, headers), limits);
  }
  std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  std::shared_ptr<DigitsModel> digits;
  std::shared_ptr<ModelRepository> models = std::make_shared<ModelRepository>(metrics);
  Limits limits;
  Router router;
};

std::string base64(const std::string& text) {
  return encode_base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void expect_bac(const Json& json) {
  ASSERT_EQ(json["results"].size(), 3u) << json;
  EXPECT_EQ(json["results"][0]["label"], "b");
  EXPECT_FLOAT_EQ(json["results"][0]["score"].get<float>(), 0.7f);
  EXPECT_EQ(json["results"][1]["label"], "a");
  EXPECT_EQ(json["results"][2]["label"], "c");
}

TEST(Predict, TakesThePictureAsRawBody) {
  Served s;
  for (const char* type :
       {"", "Content-Type: image/jpeg\r\n", "Content-Type: application/octet-stream\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n"}) {
    const Answer a = s.predict("PIC271", type);
    ASSERT_EQ(a.status, 200) << a.body;
    const auto json = Json::parse(a.body);
    EXPECT_EQ(json["model"], "digits");
    EXPECT_EQ(json["task"], "image.classify");
    expect_bac(json);
  }
}

TEST(Predict, TakesThePictureAsBase64InJson) {
  Served s;
  const std::string type = "Content-Type: application/json; charset=utf-8\r\n";
  for (const std::string prefix : {"", "data:image/png;base64,"}) {
    const Answer a = s.predict(Json{{"image", prefix + base64("PIC271")}}.dump(), type);
    ASSERT_EQ(a.status, 200) << a.body;
    expect_bac(Json::parse(a.body));
  }
  const Answer a =
      s.predict(Json{{"images", {base64("PIC271"), base64("PIC900")}}, {"top_k", 1}}.dump(), type);
  ASSERT_EQ(a.status, 200) << a.body;
  const auto json = Json::parse(a.body);
  ASSERT_EQ(json["predictions"].size(), 2u);
  EXPECT_EQ(json["predictions"][0]["results"].size(), 1u);
  EXPECT_EQ(json["predictions"][1]["results"][0]["label"], "a");
}

TEST(Predict, TopKIsBoundedByTheLabels) {
  Served s;
  const auto count = [&](const std::string& query) {
    return Json::parse(s.predict("PIC271", "", query).body)["results"].size();
  };
  EXPECT_EQ(count("?top_k=1"), 1u);
  EXPECT_EQ(count("?top_k=2"), 2u);
  EXPECT_EQ(count("?top_k=1000"), 3u);
  EXPECT_EQ(count("?top_k=99999999999999999999"), 3u);
  for (const char* bad : {"?top_k=0", "?top_k=-1", "?top_k=x", "?top_k=", "?top_k=1.5",
                          "?top_k=-99999999999999999999"})
    EXPECT_EQ(s.predict("PIC271", "", bad).status, 400) << bad;
}

TEST(Predict, RefusesWhatIsNoPicture) {
  Served s;
  s.limits.max_batch = 3;
  s.router = model_router(s.models, s.metrics, s.limits);
  const std::string json = "Content-Type: application/json\r\n";
  const auto part = [](const std::string& content) {
    return "--B\r\nContent-Disposition: form-data; name=image; filename=f.png\r\n\r\n" + content +
           "\r\n";
  };
  const std::string form = "Content-Type: multipart/form-data; boundary=B\r\n";
  const std::tuple<std::string, std::string, int> cases[] = {
      {"", "", 400},
      {"hello", "Content-Type: image/png\r\n", 400},
      {"GIF89a", "Content-Type: image/gif\r\n", 415},
      {"PIC271", "Content-Type: text/plain\r\n", 415},
      {"{}", json, 400},
      {"[1]", json, 400},
      {"{", json, 400},
      {R"({"image":5})", json, 400},
      {R"({"image":"UElD","images":[]})", json, 400},
      {R"({"images":[]})", json, 400},
      {R"({"images":[5]})", json, 400},
      {R"({"image":"%%%%"})", json, 400},
      {R"({"image":"data:image/png,abc"})", json, 400},
      {R"({"image":""})", json, 400},
      {std::string(300, '['), json, 400},
      {"PIC271", "Content-Type: multipart/form-data\r\n", 400},
      {"PIC271", form, 400},
      {part("PIC271") + "--B--", form, 200},
      {part("") + "--B--", form, 400},
      {part("no") + "--B--", form, 400},
      {part("PIC271") + part("PIC1") + "--B--", form, 400},
      {part("PIC271") + part("PIC271") + part("PIC271") + part("PIC271") + "--B--", form, 413},
      {"--B\r\nContent-Disposition: form-data; name=note\r\n\r\nx\r\n--B--", form, 400},
  };
  for (const auto& [body, headers, status] : cases) {
    const Answer a = s.predict(body, headers);
    EXPECT_EQ(a.status, status) << headers << body << "\n" << a.body;
  }
  const Answer second = s.predict(part("PIC271") + part("PIC1") + "--B--", form);
  EXPECT_NE(second.body.find("picture 2 (f.png)"), std::string::npos) << second.body;
  EXPECT_EQ(s.predict("PIC271", "", "", "nobody").status, 404);
  EXPECT_EQ(s.predict("PIC271", "", "", "echo").status, 400);
}

TEST(Predict, PassesThePixelLimitOn) {
  Served s;
  s.limits.max_pixels = 2;
  s.router = model_router(s.models, s.metrics, s.limits);
  EXPECT_EQ(s.predict("PIC271").status, 400);
}

TEST(Predict, SeveralPicturesOfARequestShareRuns) {
  Served s({8, std::chrono::seconds(5)});
  std::string form;
  for (int i = 0; i < 8; ++i)
    form += "--B\r\nContent-Disposition: form-data; name=\"image\"; filename=\"" +
            std::to_string(i) + ".png\"\r\n\r\nPIC" + std::to_string(i) + "50\r\n";
  const Answer a =
      s.predict(form + "--B--\r\n", "Content-Type: multipart/form-data; boundary=\"B\"\r\n");
  ASSERT_EQ(a.status, 200) << a.body;
  const auto json = Json::parse(a.body);
  ASSERT_EQ(json["predictions"].size(), 8u);
  for (int i = 0; i < 8; ++i) {
    const auto& p = json["predictions"][static_cast<std::size_t>(i)];
    EXPECT_EQ(p["file"], std::to_string(i) + ".png");
    EXPECT_EQ(p["results"][0]["label"], i > 5 ? "a" : i == 5 ? "a" : "b");
  }
  EXPECT_EQ(s.digits->runs.load(), 1);
  EXPECT_NE(s.metrics->text().find("athanor_model_rows_total{model=\"digits\"} 8"),
            std::string::npos);
}

TEST(TryPage, SpeaksBothLanguagesAndAllowsOnlyItsOwnScript) {
  Served s;
  const Answer en = answer_of(s.router, get("/"));
  EXPECT_EQ(en.status, 200);
  EXPECT_EQ(en.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(en.body.find("<html lang=\"en\">"), std::string::npos);
  EXPECT_NE(en.body.find("[\"digits\"]"), std::string::npos) << "only models that take pictures";
  const Answer zh = answer_of(s.router, get("/", "Accept-Language: zh-CN\r\n"));
  EXPECT_NE(zh.body.find("<html lang=\"zh-CN\">"), std::string::npos);
  const std::string& policy = en.headers.at("content-security-policy");
  const auto at = policy.find("script-src 'nonce-") + 18;
  const std::string nonce = policy.substr(at, policy.find('\'', at) - at);
  EXPECT_NE(en.body.find("<script nonce=\"" + nonce + "\">"), std::string::npos);
  EXPECT_EQ(zh.headers.at("content-security-policy").find(nonce), std::string::npos);
  EXPECT_EQ(en.body.find("@NONCE@"), std::string::npos);
}

TEST(TryPage, NamesOfModelsCannotLeaveTheScript) {
  auto models = std::make_shared<ModelRepository>();
  models->add(std::make_shared<DigitsModel>("</script><b>@NONCE@"));
  Router router;
  add_page_route(router, models);
  const Answer a = answer_of(router, get("/"));
  EXPECT_EQ(a.body.find("</script><b>"), std::string::npos);
  EXPECT_NE(a.body.find("\\u003c/script>\\u003cb>@NONCE@"), std::string::npos);
}

/// The lines of a command's output.
std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) return text;
  char buffer[4096];
  std::size_t got;
  while ((got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0) text.append(buffer, got);
  ::pclose(pipe);
  return text;
}

TEST(Predict, AnswersCurl) {
  Served s;
  Server server(test_options(), s.router);
  server.start();
  const auto folder =
      std::filesystem::temp_directory_path() / ("athanor-curl-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "图 a.png") << "PIC271";
  std::ofstream(folder / "b.png") << "PIC900";
  const std::string url = server.url() + "/predict/digits";
  const std::string a = "'" + (folder / "图 a.png").string() + "'";
  const std::string b = (folder / "b.png").string();

  const auto form = Json::parse(output_of("curl -sS -F image=@" + a + " " + url));
  expect_bac(form);
  EXPECT_EQ(form["file"], "图 a.png");
  const auto two =
      Json::parse(output_of("curl -sS -F image=@" + a + " -F image=@" + b + " -F top_k=2 " + url));
  ASSERT_EQ(two["predictions"].size(), 2u);
  EXPECT_EQ(two["predictions"][1]["results"].size(), 2u);
  expect_bac(Json::parse(output_of("curl -sS --data-binary @" + a + " " + url)));
  expect_bac(
      Json::parse(output_of("curl -sS -H 'Transfer-Encoding: chunked' -H 'Content-Type: "
                            "image/png' --data-binary @" +
                            a + " " + url)));
  expect_bac(
      Json::parse(output_of("curl -sS -H 'Expect: 100-continue' --data-binary @" + a + " " + url)));
  const auto refused = Json::parse(output_of("curl -sS -F image=@/etc/hostname " + url));
  EXPECT_EQ(refused["status"], 400);
  EXPECT_EQ(
      output_of("curl -sS -o /dev/null -w '%{http_code}' -I " + server.url() + "/v2/health/ready"),
      "200");
  std::filesystem::remove_all(folder);
}

TEST(Predict, ConcurrentClientsAreBatchedAndGetTheirOwnResults) {
  Served s({16, std::chrono::milliseconds(2)});
  Server server(test_options(), s.router);
  server.start();
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&, c] {
      Client client(server.port());
      for (int i = 0; i < 25; ++i) {
        const int x = (c + i) % 10;
        const auto a =
            client.ask(post("/predict/digits?top_k=3", "PIC" + std::to_string(x) + "00"));
        if (!a || a->status != 200) continue;
        const auto json = Json::parse(a->body);
        if (json["results"][0]["label"] == "a" &&
            std::abs(json["results"][0]["score"].get<double>() - x / 10.0) < 1e-6)
          ++good;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good.load(), 200);
}

}  // namespace
}  // namespace athanor::serve::testing
