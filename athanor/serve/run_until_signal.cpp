// g++'s ThreadSanitizer does not know fences. Asio's own locks order the handlers all the same.
#ifdef __SANITIZE_THREAD__
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <functional>
#include <thread>

#include "athanor/serve/server.hpp"

namespace athanor::serve {

int run_until_signal(Server& server, const std::function<void()>& ready) {
  boost::asio::io_context context;
  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  int first = 0;
  std::thread stopper;
  std::function<void(boost::system::error_code, int)> on_signal = [&](boost::system::error_code ec,
                                                                      int number) {
    if (ec) return;
    signals.async_wait(on_signal);
    if (first != 0) return server.stop_now();
    first = number;
    stopper = std::thread([&] {
      server.stop();
      boost::asio::post(context, [&] { signals.cancel(); });
    });
  };
  signals.async_wait(on_signal);
  if (ready) ready();
  context.run();
  stopper.join();
  return first;
}

}  // namespace athanor::serve
