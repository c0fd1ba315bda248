#include "athanor/serve/server.hpp"

// g++'s ThreadSanitizer does not know fences. Asio's own locks order the handlers all the same.
#ifdef __SANITIZE_THREAD__
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "athanor/serve/protocol.hpp"
#include "athanor/serve/worker_pool.hpp"

namespace athanor::serve {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
/// Connections beyond the limit that may still read their 503.
constexpr int kRefusedConnections = 64;

/// One request on its way through the worker pool. `stage` decides the race between the worker
/// that begins and the deadline that gives up; the rest belongs to one side at a time.
struct Job {
  enum Stage : int { waiting, running, abandoned };
  Request request;
  PathParams params;
  const Route* route = nullptr;
  Response response;
  std::atomic<int> stage{waiting};
  bool done = false;  ///< touched on the connection's strand only
};

// Problems are made here and not in the coroutines: g++ 12 mistreats braced temporaries there.
Problem long_chunk() {
  return {
      400, "malformed-request", {"a chunk header or trailer is too long", "分块头或尾部过长"}, {}};
}

Problem too_slow() {
  return {408,
          "too-slow",
          {"the request did not arrive in time", "未能在时限内收到完整请求"},
          {"send it without pauses, or send less at once", "请连续发送，或减少单次数据量"}};
}

Problem queue_full(const Limits& limits) {
  return {503,
          "queue-full",
          {fmt::format("{} requests are already waiting", limits.max_queue),
           fmt::format("已有 {} 个请求在排队", limits.max_queue)},
          {"try again in a moment", "请稍后重试"}};
}

Problem past_deadline(const Limits& limits) {
  return {504,
          "deadline",
          {fmt::format("there was no answer within {} ms", limits.request_deadline.count()),
           fmt::format("{} 毫秒内未能完成处理", limits.request_deadline.count())},
          {"try again later, or send less at once", "请稍后重试，或减少单次输入"}};
}

Problem too_many_connections(const Limits& limits) {
  return {503,
          "too-many-connections",
          {fmt::format("{} connections are open, more are not accepted", limits.max_connections),
           fmt::format("已有 {} 个连接，不再接受新连接", limits.max_connections)},
          {"try again in a moment", "请稍后重试"}};
}

}  // namespace

class Connection;

struct Server::Core {
  Core(ServerOptions o, Router r)
      : options(std::move(o)), router(std::move(r)), budget(options.limits.max_body_memory) {
    if (!options.metrics) options.metrics = std::make_shared<Metrics>();
  }

  ServerOptions options;
  const Router router;
  MemoryBudget budget;

  // Before the context, which may hold the last reference to a connection.
  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_set<Connection*> connections;
  enum class Phase { fresh, running, stopping, stopped } phase = Phase::fresh;

  asio::io_context context;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::optional<asio::strand<asio::io_context::executor_type>> accept_strand;
  std::optional<tcp::acceptor> acceptor;
  std::optional<asio::steady_timer> accept_pause;
  std::unique_ptr<WorkerPool> pool;
  std::vector<std::thread> threads;
  int port = 0;
  std::atomic<bool> draining{false};  ///< readiness says no
  std::atomic<bool> closing{false};   ///< idle connections end

  asio::awaitable<void> accept_loop();
  void adopt(tcp::socket socket);
  template <class F>
  void each_connection(F f);
};

/// One client. Everything but construction and destruction happens on its strand.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Server::Core& core, tcp::socket socket, bool refused)
      : core_(core),
        limits_(core.options.limits),
        socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        wake_(socket_.get_executor()),
        refused_(refused) {
    core_.options.metrics->connections.fetch_add(1, std::memory_order_relaxed);
  }

  ~Connection() {
    core_.options.metrics->connections.fetch_sub(1, std::memory_order_relaxed);
    const std::lock_guard lock(core_.mutex);
    core_.connections.erase(this);
    core_.changed.notify_all();
  }

  asio::any_io_executor executor() { return socket_.get_executor(); }

  asio::awaitable<void> run() {
    // The coroutine frame keeps the connection alive.
    const auto self = shared_from_this();
    try {
      error_code ec;
      socket_.set_option(tcp::no_delay(true), ec);
      const auto peer = socket_.remote_endpoint(ec);
      if (!ec) remote_ = peer.address().to_string();
      socket_.non_blocking(true, ec);
      if (refused_) {
        co_await refuse_connection();
      } else {
        buffer_.resize(std::max<std::size_t>(limits_.max_header + 4096, 64 << 10));
        while (co_await serve_one()) {
        }
      }
    } catch (const std::exception& error) {
      spdlog::error("connection from {}: {}", remote_, error.what());
    }
    timer_.cancel();
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

  /// Ends an idle connection; a busy one ends with its answer.
  void on_drain() {
    if (idle_) interrupt();
  }

  void cut() {
    cut_ = true;
    wake_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void interrupt() {
    error_code ignored;
    socket_.cancel(ignored);
  }

  /// From now on until disarm() or the next arm(), reads and writes are cancelled at the deadline.
  void arm(std::chrono::milliseconds timeout) {
    timed_out_ = false;
    watch(timeout, ++generation_);
  }

  void watch(std::chrono::milliseconds timeout, unsigned generation) {
    timer_.expires_after(timeout);
    timer_.async_wait([self = weak_from_this(), generation](error_code ec) {
      const auto connection = self.lock();
      if (ec || !connection || connection->generation_ != generation) return;
      connection->timed_out_ = true;
      connection->interrupt();
      // A cancel between two reads meets none: so again, until the coroutine has noticed.
      connection->watch(std::chrono::milliseconds(20), generation);
    });
  }

  void disarm() {
    ++generation_;
    timer_.cancel();
  }

  std::span<const char> buffered() const { return {buffer_.data() + begin_, end_ - begin_}; }

  /// Reads some more behind what is buffered. False at the end of the stream or on an error.
  asio::awaitable<bool> read_more(bool idle) {
    if (timed_out_ || cut_) co_return false;
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == buffer_.size() && begin_ > 0) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
      end_ -= begin_;
      begin_ = 0;
    }
    const auto space = asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
    if (idle && core_.closing.load()) {
      // What already lies in the socket was sent before the client could know, and is answered.
      error_code ec;
      const std::size_t got = socket_.read_some(space, ec);
      if (ec) co_return false;
      end_ += got;
      co_return true;
    }
    idle_ = idle;
    const auto [ec, got] = co_await socket_.async_read_some(space, kAwait);
    idle_ = false;
    if (!ec) {
      end_ += got;
      co_return true;
    }
    // Woken by on_drain(): one look at the socket, as above.
    if (idle && ec == asio::error::operation_aborted && !timed_out_ && !cut_ &&
        core_.closing.load())
      co_return co_await read_more(true);
    co_return false;
  }

  /// Reads, answers. False when the connection ends.
  asio::awaitable<bool> serve_one() {
    RequestParser parser(limits_, &core_.budget);
    using State = RequestParser::State;
    Admission admission;
    bool admitted = false;
    bool header_armed = false;
    arm(first_ ? limits_.header_timeout : limits_.idle_timeout);
    first_ = false;

    for (;;) {
      const std::size_t used = begin_ == end_ ? 0 : parser.feed(buffered());
      begin_ += used;
      const State state = parser.state();
      if (state == State::failed) co_return co_await refuse_problem(parser, parser.problem());
      if (!admitted && state != State::header) {
        admitted = true;
        parser.request().remote = remote_;
        admission = admit(core_.router, parser.request());
        if (admission.answer && state == State::body)
          co_return co_await refuse_request(parser, std::move(*admission.answer));
        if (state == State::body) {
          arm(limits_.body_timeout);
          if (admission.wants_continue && begin_ == end_) {
            const bool written = co_await write(kContinue, std::string_view());
            if (!written) co_return false;
          }
        }
      }
      if (state == State::done) break;
      if (used > 0 && begin_ != end_) continue;

      if (end_ - begin_ == buffer_.size()) co_return co_await refuse_problem(parser, long_chunk());
      if (parser.started() && !header_armed && !admitted) {
        header_armed = true;
        arm(limits_.header_timeout);
      }
      const bool idle = !parser.started() && begin_ == end_;
      if (!co_await read_more(idle)) {
        if (timed_out_ && !idle) co_return co_await refuse_problem(parser, too_slow());
        co_return false;
      }
    }
    disarm();
    co_return co_await answer(parser, std::move(admission));
  }

  asio::awaitable<bool> answer(RequestParser& parser, Admission admission) {
    const auto begin = Clock::now();
    Metrics& metrics = *core_.options.metrics;
    const bool wants_keep_alive = parser.keep_alive();
    const int version = parser.request().version;
    const std::string method = parser.request().method;
    const Route* const route = admission.route;
    metrics.in_flight.fetch_add(1, std::memory_order_relaxed);

    Response response;
    if (admission.answer) {
      response = std::move(*admission.answer);
    } else {
      Request& request = parser.request();
      request.draining = core_.draining.load();
      request.deadline = begin + limits_.request_deadline;
      if (route->run == Run::inline_now)
        response = handle(*route, request, admission.params);
      else
        response = co_await run_on_worker(std::move(request), std::move(admission));
    }
    metrics.in_flight.fetch_sub(1, std::memory_order_relaxed);
    metrics.request(route ? route->pattern : "", method, response.status,
                    std::chrono::duration<double>(Clock::now() - begin).count());
    if (cut_) co_return false;

    const bool keep = wants_keep_alive && !response.close && !core_.draining.load();
    const std::string head = serialise_head(response, keep, version);
    arm(limits_.write_timeout);
    const bool written =
        co_await write(head, method == "HEAD" ? std::string_view() : response.body);
    disarm();
    if (!written) co_return false;
    if (!keep && begin_ != end_) co_await linger();
    co_return keep;
  }

  asio::awaitable<Response> run_on_worker(Request request, Admission admission) {
    const auto job = std::make_shared<Job>();
    job->request = std::move(request);
    job->params = std::move(admission.params);
    job->route = admission.route;
    Metrics& metrics = *core_.options.metrics;
    metrics.queued.fetch_add(1, std::memory_order_relaxed);
    const bool accepted = core_.pool->submit([self = shared_from_this(), job] {
      self->core_.options.metrics->queued.fetch_sub(1, std::memory_order_relaxed);
      int waiting = Job::waiting;
      if (!job->stage.compare_exchange_strong(waiting, Job::running)) return;
      job->response = handle(*job->route, job->request, job->params);
      asio::post(self->socket_.get_executor(), [self, job] {
        job->done = true;
        self->wake_.cancel();
      });
    });
    if (!accepted) {
      metrics.queued.fetch_sub(1, std::memory_order_relaxed);
      co_return refusal(queue_full(limits_), job->request);
    }
    const Clock::time_point deadline = job->request.deadline;
    while (!job->done && !cut_ && Clock::now() < deadline) {
      wake_.expires_at(deadline);
      co_await wake_.async_wait(kAwait);
    }
    if (job->done) co_return std::move(job->response);
    // Not begun: it never will be. Begun: the worker ends it and nobody reads the answer.
    int waiting = Job::waiting;
    job->stage.compare_exchange_strong(waiting, Job::abandoned);
    co_return refusal(past_deadline(limits_), job->request);
  }

  asio::awaitable<bool> refuse_problem(RequestParser& parser, const Problem& problem) {
    return refuse_request(parser, refusal(problem, parser.request()));
  }

  /// Answers before the request is read to its end, then lets the client read the answer.
  asio::awaitable<bool> refuse_request(RequestParser& parser, Response response) {
    const Request& request = parser.request();
    core_.options.metrics->request("", request.method, response.status, 0);
    arm(limits_.linger_timeout);
    const std::string head = serialise_head(response, false, request.version);
    const bool no_body = request.method == "HEAD";
    const bool written = co_await write(head, no_body ? std::string_view() : response.body);
    if (written) co_await linger();
    co_return false;
  }

  asio::awaitable<void> refuse_connection() {
    buffer_.resize(4096);
    const Response response = problem_response(too_many_connections(limits_), Language::en, false);
    core_.options.metrics->request("", "", response.status, 0);
    arm(limits_.linger_timeout);
    const std::string head = serialise_head(response, false, 11);
    const bool written = co_await write(head, response.body);
    if (written) co_await linger();
  }

  /// Closing a socket with unread data resets it, and a reset destroys the answer on its way: so
  /// say that no more comes, and read and forget for a bounded time.
  asio::awaitable<void> linger() {
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
    if (ec) co_return;
    arm(limits_.linger_timeout);
    for (;;) {
      const auto [error, got] = co_await socket_.async_read_some(asio::buffer(buffer_), kAwait);
      if (error) co_return;
    }
  }

  asio::awaitable<bool> write(std::string_view head, std::string_view body) {
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head.data(), head.size()),
                                                  asio::buffer(body.data(), body.size())};
    const auto [ec, written] = co_await asio::async_write(socket_, parts, kAwait);
    co_return !ec;
  }

  Server::Core& core_;
  const Limits& limits_;
  tcp::socket socket_;
  asio::steady_timer timer_;  ///< cancels reads and writes
  asio::steady_timer wake_;   ///< wakes the coroutine when a worker is done
  std::string remote_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  unsigned generation_ = 0;
  bool timed_out_ = false;
  bool idle_ = false;
  bool cut_ = false;
  bool first_ = true;
  bool refused_;
};

template <class F>
void Server::Core::each_connection(F f) {
  // Collected first: dropping the last reference under the lock would wait for the lock.
  std::vector<std::shared_ptr<Connection>> alive;
  {
    const std::lock_guard lock(mutex);
    for (Connection* connection : connections)
      if (auto strong = connection->weak_from_this().lock()) alive.push_back(std::move(strong));
  }
  for (const auto& connection : alive)
    asio::post(connection->executor(), [connection, f] { f(*connection); });
}

void Server::Core::adopt(tcp::socket socket) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex);
    const int open = static_cast<int>(connections.size());
    if (open >= options.limits.max_connections + kRefusedConnections) return;
    connection = std::make_shared<Connection>(*this, std::move(socket),
                                              open >= options.limits.max_connections);
    connections.insert(connection.get());
  }
  asio::co_spawn(
      connection->executor(), [connection] { return connection->run(); }, asio::detached);
}

asio::awaitable<void> Server::Core::accept_loop() {
  while (acceptor->is_open()) {
    tcp::socket socket(asio::make_strand(context));
    const auto [ec] = co_await acceptor->async_accept(socket, kAwait);
    if (!ec) {
      adopt(std::move(socket));
      continue;
    }
    if (ec == asio::error::operation_aborted || !acceptor->is_open()) break;
    if (ec == asio::error::connection_aborted) continue;
    // Out of descriptors or memory: some connection must end before the next accept can succeed.
    spdlog::warn("accept: {}", ec.message());
    accept_pause->expires_after(std::chrono::milliseconds(50));
    co_await accept_pause->async_wait(kAwait);
  }
}

Server::Server(ServerOptions options, Router router)
    : core_(std::make_unique<Core>(std::move(options), std::move(router))) {}

Server::~Server() {
  try {
    stop();
  } catch (const std::exception& error) {
    spdlog::error("stopping the server: {}", error.what());
  }
}

void Server::start() {
  Core& core = *core_;
  const ServerOptions& options = core.options;
  require(options.port >= 0 && options.port <= 65535, "port must be between 0 and 65535, not {}",
          options.port);
  {
    const std::lock_guard lock(core.mutex);
    require<InternalError>(core.phase == Core::Phase::fresh, "a server can be started only once");
  }
  const std::string where = fmt::format("{}:{}", options.address, options.port);
  error_code ec;
  const auto address = asio::ip::make_address(options.address, ec);
  if (ec)
    throw RefusalError({"bad-address",
                        Exit::usage,
                        {"This is not an IP address", "不是有效的 IP 地址"},
                        options.address,
                        {"names are not looked up", "不解析主机名"},
                        {"use 127.0.0.1 for this machine only, or 0.0.0.0 for the whole network",
                         "仅本机使用 127.0.0.1，对整个网络开放使用 0.0.0.0"}});
  const tcp::endpoint endpoint(address, static_cast<unsigned short>(options.port));
  core.accept_strand.emplace(asio::make_strand(core.context));
  core.acceptor.emplace(*core.accept_strand);
  core.accept_pause.emplace(*core.accept_strand);
  core.acceptor->open(endpoint.protocol(), ec);
  if (!ec) core.acceptor->set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) core.acceptor->bind(endpoint, ec);
  if (!ec) core.acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    core.acceptor.reset();
    if (ec == asio::error::address_in_use)
      throw RefusalError(
          {"port-in-use",
           Exit::network,
           {fmt::format("Port {} is already in use", options.port),
            fmt::format("端口 {} 已被占用", options.port)},
           where,
           {"another program listens on it", "另一个程序正在监听该端口"},
           {"choose another one with --port N (--port 0 takes any free port), or "
            "stop the other program",
            "用 --port N 换一个端口（--port 0 自动选择空闲端口），或停止占用它的程序"}});
    if (ec == asio::error::access_denied)
      throw RefusalError(
          {"port-not-allowed",
           Exit::network,
           {fmt::format("Port {} may not be used", options.port),
            fmt::format("无权使用端口 {}", options.port)},
           where,
           {"ports below 1024 need special rights", "1024 以下的端口需要特殊权限"},
           {"choose a port above 1023 with --port N", "用 --port N 选择 1024 以上的端口"}});
    throw RefusalError(
        {"address-not-available",
         Exit::network,
         {"The address cannot be served", "无法监听该地址"},
         where,
         {ec.message(), ec.message()},
         {"use an address of this machine, such as 127.0.0.1", "使用本机的地址，例如 127.0.0.1"}});
  }
  core.port = core.acceptor->local_endpoint().port();
  core.acceptor->non_blocking(true, ec);

  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int workers = options.threads > 0 ? options.threads : std::max(8, 4 * cores);
  core.pool = std::make_unique<WorkerPool>(workers, options.limits.max_queue);
  core.work.emplace(core.context.get_executor());
  asio::co_spawn(*core.accept_strand, [&core] { return core.accept_loop(); }, asio::detached);
  for (int i = 0; i < std::max(1, options.io_threads); ++i)
    core.threads.emplace_back([&core] { core.context.run(); });
  const std::lock_guard lock(core.mutex);
  core.phase = Core::Phase::running;
}

int Server::port() const { return core_->port; }

std::string Server::url() const {
  const std::string& address = core_->options.address;
  return address.find(':') == std::string::npos
             ? fmt::format("http://{}:{}", address, core_->port)
             : fmt::format("http://[{}]:{}", address, core_->port);
}

void Server::begin_drain() { core_->draining = true; }

void Server::stop() {
  Core& core = *core_;
  {
    std::unique_lock lock(core.mutex);
    if (core.phase == Core::Phase::fresh) core.phase = Core::Phase::stopped;
    if (core.phase != Core::Phase::running) {
      core.changed.wait(lock, [&] { return core.phase == Core::Phase::stopped; });
      return;
    }
    core.phase = Core::Phase::stopping;
  }
  core.draining = true;
  core.closing = true;

  // Take what the kernel has already accepted for us, then close the door.
  std::promise<void> closed;
  asio::post(*core.accept_strand, [&] {
    for (;;) {
      tcp::socket socket(asio::make_strand(core.context));
      error_code ec;
      core.acceptor->accept(socket, ec);
      if (ec) break;
      core.adopt(std::move(socket));
    }
    error_code ignored;
    core.acceptor->close(ignored);
    core.accept_pause->cancel();
    closed.set_value();
  });
  closed.get_future().wait();

  core.each_connection([](Connection& connection) { connection.on_drain(); });
  {
    std::unique_lock lock(core.mutex);
    const auto gone = [&] { return core.connections.empty(); };
    if (!core.changed.wait_for(lock, core.options.drain_timeout, gone)) {
      spdlog::warn("{} connections are cut after {} ms", core.connections.size(),
                   core.options.drain_timeout.count());
      lock.unlock();
      core.each_connection([](Connection& connection) { connection.cut(); });
      lock.lock();
      core.changed.wait(lock, gone);
    }
  }
  // The I/O threads first: they end when the last coroutine has, and until then one may submit.
  core.work.reset();
  for (std::thread& thread : core.threads) thread.join();
  core.pool.reset();
  const std::lock_guard lock(core.mutex);
  core.phase = Core::Phase::stopped;
  core.changed.notify_all();
}

void Server::stop_now() {
  core_->draining = true;
  core_->closing = true;
  core_->each_connection([](Connection& connection) { connection.cut(); });
}

void Server::wait() {
  std::unique_lock lock(core_->mutex);
  core_->changed.wait(lock, [&] { return core_->phase == Core::Phase::stopped; });
}

}  // namespace athanor::serve
