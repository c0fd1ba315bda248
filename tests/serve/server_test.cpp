#include "athanor/serve/server.hpp"

#include <pthread.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/serve/support.hpp"

namespace athanor::serve::testing {
namespace {

using std::chrono::milliseconds;

struct Fixture {
  explicit Fixture(Limits limits = {}, int threads = 4) : options(test_options(limits)) {
    options.threads = threads;
    router.add("GET", "/hello", text_handler("hi"));
    router.add("GET", "/now", text_handler("now"), Run::inline_now);
    router.add("GET", "/big", [](const Request&, const PathParams&) {
      Response response;
      response.body = std::string(16 << 20, 'x');
      return response;
    });
    router.add("GET", "/gate", [this](const Request&, const PathParams&) {
      gate.pass();
      return Response{};
    });
    router.add("POST", "/size", [](const Request& request, const PathParams&) {
      Response response;
      response.body = std::to_string(request.body.size());
      return response;
    });
    router.add(
        "GET", "/v2/health/ready",
        [](const Request& request, const PathParams&) {
          Response response;
          response.status = request.draining ? 503 : 200;
          return response;
        },
        Run::inline_now);
  }
  ~Fixture() {
    gate.open();
    server.reset();
  }
  int start() {
    server.emplace(options, router);
    server->start();
    return server->port();
  }
  Metrics& metrics() { return *options.metrics; }

  Gate gate;
  ServerOptions options;
  Router router;
  std::optional<Server> server;
};

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(Server, AnswersManyRequestsOnOneConnection) {
  Fixture f;
  Client client(f.start());
  for (int i = 0; i < 100; ++i) {
    const auto a = client.ask(get("/hello"));
    ASSERT_TRUE(a);
    EXPECT_EQ(a->status, 200);
    EXPECT_EQ(a->body, "hi");
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  Fixture f;
  Client client(f.start());
  ASSERT_TRUE(client.send(get("/hello") + post("/size", "123") + get("/now")));
  EXPECT_EQ(client.receive()->body, "hi");
  EXPECT_EQ(client.receive()->body, "3");
  EXPECT_EQ(client.receive()->body, "now");
}

TEST(Server, Http10ClosesUnlessKeepAliveIsAsked) {
  Fixture f;
  const int port = f.start();
  Client closing(port);
  const auto a = closing.ask("GET /hello HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->version, "HTTP/1.0");
  EXPECT_TRUE(closing.at_end());
  Client keeping(port);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(keeping.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->status, 200);
}

TEST(Server, ClosesWhenTheClientAsks) {
  Fixture f;
  Client client(f.start());
  const auto a = client.ask(get("/hello", "Connection: close\r\n"));
  ASSERT_TRUE(a);
  EXPECT_EQ(a->headers.at("connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Server, SendsContinueBeforeTheBody) {
  Fixture f;
  Client client(f.start());
  ASSERT_TRUE(client.send(
      "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
  const auto first = client.receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 100);
  EXPECT_EQ(client.ask("abcd")->body, "4");
}

TEST(Server, RefusesAnExpectedBodyBeforeItIsSent) {
  Fixture f;
  Client client(f.start());
  const auto a = client.ask(
      "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\nExpect: "
      "100-continue\r\n\r\n");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->status, 413);
  EXPECT_TRUE(client.at_end());
}

/// Sends 100 MiB of JSON in pieces until the server ends it.
std::optional<Answer> send_hundred_megabytes(int port, bool chunked) {
  const std::string piece(1 << 20, '[');
  Client client(port);
  client.send(
      std::string("POST /size HTTP/1.1\r\nHost: x\r\n") +
      (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 104857600\r\n\r\n"));
  for (int i = 0; i < 100; ++i) {
    if (chunked && !client.send("100000\r\n")) break;
    if (!client.send(piece)) break;
    if (chunked && !client.send("\r\n")) break;
  }
  return client.receive();
}

TEST(Server, HundredMegabytesAreRefusedWithoutBeingKept) {
  Limits small;
  small.max_body = 4 << 20;
  Fixture announced, chunked(small);
  const int port = announced.start();
  const int chunked_port = chunked.start();
  EXPECT_EQ(Client(port).ask(get("/hello"))->status, 200);
  const std::size_t before = resident_bytes();
  for (const auto& a :
       {send_hundred_megabytes(port, false), send_hundred_megabytes(chunked_port, true)}) {
    ASSERT_TRUE(a) << "the refusal must reach a client that is still sending";
    EXPECT_EQ(a->status, 413);
    EXPECT_EQ(a->headers.at("connection"), "close");
  }
  EXPECT_LT(resident_bytes(), before + (std::size_t{80} << 20));
  EXPECT_EQ(Client(port).ask(get("/hello"))->status, 200);
}

TEST(Server, BodiesUpToTheLimitArrive) {
  Fixture f;
  Client client(f.start());
  EXPECT_EQ(client.ask(post("/size", std::string(20 << 20, 'x')))->body, std::to_string(20 << 20));
}

TEST(Server, ASlowHeaderIsCutWith408AndOthersAreServed) {
  Limits limits;
  limits.header_timeout = milliseconds(200);
  Fixture f(limits);
  const int port = f.start();
  Client slow(port);
  ASSERT_TRUE(slow.send("GET /hello HT"));
  EXPECT_EQ(Client(port).ask(get("/hello"))->status, 200);
  const auto a = slow.receive();
  ASSERT_TRUE(a);
  EXPECT_EQ(a->status, 408);
  EXPECT_TRUE(slow.at_end());
}

TEST(Server, AByteNowAndThenDoesNotExtendTheHeadersTime) {
  Limits limits;
  limits.header_timeout = milliseconds(300);
  Fixture f(limits);
  Client slow(f.start());
  // A byte every few milliseconds for as long as 60 s: only the server ends this.
  int bytes = 0;
  while (bytes < 12'000 && slow.send("A") && !slow.readable_within(5)) ++bytes;
  EXPECT_LT(bytes, 12'000);
  EXPECT_EQ(slow.receive()->status, 408);
}

TEST(Server, ASlowBodyIsCutWith408) {
  Limits limits;
  limits.body_timeout = milliseconds(200);
  Fixture f(limits);
  Client slow(f.start());
  ASSERT_TRUE(slow.send("POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"));
  const auto a = slow.receive();
  ASSERT_TRUE(a);
  EXPECT_EQ(a->status, 408);
  EXPECT_TRUE(slow.at_end());
}

TEST(Server, IdleConnectionsAreClosedSilently) {
  Limits limits;
  limits.idle_timeout = milliseconds(200);
  limits.header_timeout = milliseconds(200);
  Fixture f(limits);
  const int port = f.start();
  Client silent(port);
  Client once(port);
  EXPECT_EQ(once.ask(get("/hello"))->status, 200);
  EXPECT_TRUE(once.at_end());
  EXPECT_TRUE(silent.at_end());
}

TEST(Server, AClientThatDoesNotReadIsCut) {
  Limits limits;
  limits.write_timeout = milliseconds(200);
  Fixture f(limits);
  Client client(f.start());
  ASSERT_TRUE(client.send(get("/big")));
  EXPECT_TRUE(eventually([&] { return f.metrics().text().find("/big") != std::string::npos; }));
  EXPECT_TRUE(eventually([&] { return f.metrics().connections.load() == 0; }));
  EXPECT_FALSE(client.receive()) << "the answer must not be whole";
}

TEST(Server, TooManyConnectionsAre503) {
  Limits limits;
  limits.max_connections = 2;
  Fixture f(limits);
  const int port = f.start();
  Client first(port);
  EXPECT_EQ(first.ask(get("/hello"))->status, 200);
  {
    Client second(port);
    EXPECT_EQ(second.ask(get("/hello"))->status, 200);
    Client third(port);
    const auto a = third.ask(get("/hello"));
    ASSERT_TRUE(a);
    EXPECT_EQ(a->status, 503);
    EXPECT_EQ(a->headers.at("retry-after"), "1");
    EXPECT_TRUE(third.at_end());
  }
  EXPECT_TRUE(eventually([&] { return f.metrics().connections.load() == 1; }));
  EXPECT_EQ(Client(port).ask(get("/hello"))->status, 200);
}

TEST(Server, AFullQueueIs503WhileHealthAnswersAtOnce) {
  Limits limits;
  limits.max_queue = 1;
  Fixture f(limits, 1);
  const int port = f.start();
  Client running(port), waiting(port), refused(port);
  ASSERT_TRUE(running.send(get("/gate")));
  f.gate.wait_for(1);
  ASSERT_TRUE(waiting.send(get("/gate")));
  ASSERT_TRUE(eventually([&] { return f.metrics().queued.load() == 1; }));
  const auto a = refused.ask(get("/hello"));
  ASSERT_TRUE(a);
  EXPECT_EQ(a->status, 503);
  EXPECT_EQ(a->headers.at("retry-after"), "1");
  EXPECT_EQ(refused.ask(get("/now"))->body, "now") << "the connection of the refused goes on";
  EXPECT_EQ(refused.ask(get("/v2/health/ready"))->status, 200);
  f.gate.open();
  EXPECT_EQ(running.receive()->status, 200);
  EXPECT_EQ(waiting.receive()->status, 200);
}

TEST(Server, PastTheDeadlineIs504AndWhatWaitedIsNeverRun) {
  Limits limits;
  limits.request_deadline = milliseconds(200);
  Fixture f(limits, 1);
  const int port = f.start();
  Client running(port), waiting(port);
  ASSERT_TRUE(running.send(get("/gate")));
  f.gate.wait_for(1);
  ASSERT_TRUE(waiting.send(get("/gate")));
  EXPECT_EQ(running.receive()->status, 504);
  EXPECT_EQ(waiting.receive()->status, 504);
  f.gate.open();
  EXPECT_EQ(waiting.ask(get("/gate"))->status, 200);
  EXPECT_EQ(f.gate.entered(), 2);
}

TEST(Server, ReadinessSaysNoAsSoonAsItDrains) {
  Fixture f;
  const int port = f.start();
  Client client(port);
  EXPECT_EQ(client.ask(get("/v2/health/ready"))->status, 200);
  f.server->begin_drain();
  const auto a = client.ask(get("/v2/health/ready"));
  ASSERT_TRUE(a);
  EXPECT_EQ(a->status, 503);
  EXPECT_EQ(a->headers.at("connection"), "close");
  EXPECT_EQ(Client(port).ask(get("/hello"))->status, 200) << "until stop() all are served";
}

TEST(Server, StopAnswersWhatIsInFlightAndClosesTheDoor) {
  Fixture f;
  const int port = f.start();
  Client busy(port), idle(port);
  EXPECT_EQ(idle.ask(get("/hello"))->status, 200);
  ASSERT_TRUE(busy.send(get("/gate")));
  f.gate.wait_for(1);
  std::thread stopper([&] { f.server->stop(); });
  EXPECT_TRUE(idle.at_end()) << "idle connections end while the busy one is still working";
  EXPECT_FALSE(Client(port).connected());
  f.gate.open();
  const auto a = busy.receive();
  ASSERT_TRUE(a);
  EXPECT_EQ(a->status, 200);
  EXPECT_EQ(a->headers.at("connection"), "close");
  EXPECT_TRUE(busy.at_end());
  stopper.join();
  f.server->wait();
}

TEST(Server, StopUnderLoadLosesNoAcceptedRequest) {
  for (int round = 0; round < 3; ++round) {
    Fixture f;
    std::atomic<int> handled{0}, answered{0};
    f.router.add("GET", "/count", [&](const Request&, const PathParams&) {
      ++handled;
      Response response;
      response.body = std::string(1000, 'y');
      return response;
    });
    const int port = f.start();
    std::atomic<bool> ending{false};
    std::vector<std::thread> clients;
    for (int i = 0; i < 6; ++i)
      clients.emplace_back([&, i] {
        while (!ending) {
          Client client(port);
          if (!client.connected()) return;
          for (int k = 0; k < (i % 2 ? 1 : 50); ++k) {
            const auto a = client.ask(get("/count"));
            if (!a) break;
            EXPECT_EQ(a->status, 200);
            EXPECT_EQ(a->body.size(), 1000u);
            ++answered;
            if (a->headers.count("connection")) break;
          }
        }
      });
    EXPECT_TRUE(eventually([&] { return answered > 200; }));
    f.server->stop();
    ending = true;
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(handled.load(), answered.load());
  }
}

TEST(Server, StopCutsWhatDoesNotEndInTime) {
  Fixture f;
  f.options.drain_timeout = milliseconds(100);
  const int port = f.start();
  Client slow(port);
  ASSERT_TRUE(slow.send("POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"));
  ASSERT_TRUE(eventually([&] { return f.metrics().connections.load() == 1; }));
  f.server->stop();
  EXPECT_FALSE(slow.receive());
}

TEST(Server, ManyClientsGetTheirOwnAnswers) {
  Fixture f;
  f.options.io_threads = 2;
  f.router.add("GET", "/own/{text}", [](const Request&, const PathParams& params) {
    Response response;
    response.body = params["text"];
    return response;
  });
  const int port = f.start();
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&, i] {
      Client client(port);
      for (int k = 0; k < 50; ++k) {
        const std::string text = std::to_string(i) + "-" + std::to_string(k);
        const auto a = client.ask(get("/own/" + text));
        if (a && a->status == 200 && a->body == text) ++good;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good.load(), 16 * 50);
}

TEST(Server, SurvivesClientsThatVanish) {
  Fixture f;
  const int port = f.start();
  const std::string whole = post("/size", std::string(5000, 'x'));
  for (std::size_t cut = 1; cut < whole.size(); cut += 97) {
    Client client(port);
    client.send(whole.substr(0, cut));
  }
  for (int i = 0; i < 50; ++i) {
    Client client(port);
    client.send(get("/big"));
  }
  EXPECT_EQ(Client(port).ask(get("/hello"))->status, 200);
  EXPECT_TRUE(eventually([&] { return f.metrics().connections.load() == 0; }));
  EXPECT_TRUE(eventually([&] { return f.metrics().in_flight.load() == 0; }));
}

TEST(Server, ManyTinyChunksCostNoMemory) {
  Fixture f;
  const int port = f.start();
  std::string chunks;
  for (int i = 0; i < 100'000; ++i) chunks += "1\r\nx\r\n";
  Client client(port);
  ASSERT_TRUE(client.send("POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  ASSERT_TRUE(client.send(chunks));
  EXPECT_EQ(client.ask("0\r\n\r\n")->body, "100000");
  Client hostile(port);
  ASSERT_TRUE(hostile.send("POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  hostile.send("1;" + std::string(1 << 20, 'e'));
  EXPECT_EQ(hostile.receive()->status, 400);
}

TEST(Server, APortInUseIsRefusedInBothLanguagesWithTheWayOut) {
  Fixture f;
  const int port = f.start();
  ServerOptions options = test_options();
  options.port = port;
  Server second(options, Router());
  try {
    second.start();
    FAIL() << "two servers on one port";
  } catch (const RefusalError& error) {
    const Refusal& r = error.refusal();
    EXPECT_EQ(r.code, "port-in-use");
    EXPECT_EQ(r.exit, Exit::network);
    EXPECT_NE(r.what.en.find(std::to_string(port)), std::string::npos);
    EXPECT_NE(r.what.zh.find(std::to_string(port)), std::string::npos);
    EXPECT_NE(r.fix.en.find("--port N"), std::string::npos);
    EXPECT_NE(r.fix.zh.find("--port N"), std::string::npos);
  }
}

TEST(Server, AddressesThatAreNotOursAreRefused) {
  ServerOptions options = test_options();
  options.address = "192.0.2.1";  // reserved for documentation (RFC 5737)
  Server foreign(options, Router());
  EXPECT_THROW(foreign.start(), RefusalError);
  options.address = "localhost";
  Server name(options, Router());
  EXPECT_THROW(name.start(), RefusalError);
}

TEST(Server, IsReadyInWellUnderASecond) {
  const auto begin = Clock::now();
  Fixture f;
  EXPECT_EQ(Client(f.start()).ask(get("/now"))->status, 200);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5)) << "even on a crowded machine";
}

TEST(Server, ASignalStopsItGracefully) {
  Fixture f;
  const int port = f.start();
  Client busy(port);
  ASSERT_TRUE(busy.send(get("/gate")));
  f.gate.wait_for(1);
  const pthread_t serving = ::pthread_self();
  std::thread client;
  const int signal = run_until_signal(*f.server, [&] {
    client = std::thread([&] {
      // To the thread that serves: the handler runs where its pipe was made.
      ::pthread_kill(serving, SIGTERM);
      EXPECT_TRUE(eventually([&] { return !Client(port).connected(); }));
      f.gate.open();
      EXPECT_EQ(busy.receive()->status, 200);
    });
  });
  client.join();
  EXPECT_EQ(signal, SIGTERM);
}

TEST(Metrics, CountsByRouteAndStatus) {
  Fixture f;
  Client client(f.start());
  client.ask(get("/hello"));
  client.ask(get("/hello"));
  client.ask(get("/secret-path"));
  const std::string text = f.metrics().text();
  EXPECT_NE(
      text.find("athanor_http_requests_total{route=\"/hello\",method=\"GET\",status=\"200\"} 2\n"),
      std::string::npos)
      << text;
  EXPECT_NE(
      text.find("athanor_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"} 1\n"),
      std::string::npos);
  EXPECT_NE(text.find("athanor_http_request_seconds_bucket{route=\"/hello\",le=\"+Inf\"} 2\n"),
            std::string::npos);
  EXPECT_NE(text.find("athanor_http_connections 1\n"), std::string::npos);
  EXPECT_EQ(text.find("secret-path"), std::string::npos) << "clients' words are no labels";
}

}  // namespace
}  // namespace athanor::serve::testing
