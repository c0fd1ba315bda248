#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "athanor/serve/limits.hpp"
#include "athanor/serve/metrics.hpp"
#include "athanor/serve/router.hpp"

namespace athanor::serve {

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 8080;     ///< 0 takes any free port
  int threads = 0;     ///< workers that run handlers; 0: four per core, at least eight
  int io_threads = 1;  ///< threads that read and write sockets
  Limits limits;
  std::chrono::milliseconds drain_timeout{30'000};  ///< how long stop() waits for answers
  std::shared_ptr<Metrics> metrics;                 ///< may be null
};

/// An HTTP/1.1 server in front of a router. Every method may be called from any thread.
class Server {
 public:
  Server(ServerOptions options, Router router);
  /// Stops gracefully when nobody did.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and begins to answer. Throws RefusalError "port-in-use" or "address-not-available".
  void start();
  /// The port that is bound.
  int port() const;
  /// "http://127.0.0.1:8080"
  std::string url() const;

  /// From now on requests carry `draining`, so that readiness says no, and connections end with
  /// their next answer; new ones are still accepted.
  void begin_drain();
  /// begin_drain(), then no more connections; answers every request that arrived, closes, and ends
  /// the threads. After drain_timeout what is left is cut.
  void stop();
  /// Cuts all connections; a stop() in progress ends at once.
  void stop_now();
  /// Until stop() is done.
  void wait();

  struct Core;  ///< everything that knows of sockets

 private:
  std::unique_ptr<Core> core_;
};

/// Serves until SIGINT or SIGTERM, then stops gracefully; a second signal cuts. The server must
/// have been started. `ready` is called once signals are caught: what says "serving" belongs there,
/// so that whoever reads it may stop the server at once. Returns the number of the first signal.
int run_until_signal(Server& server, const std::function<void()>& ready = {});

}  // namespace athanor::serve
