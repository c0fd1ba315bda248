#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "athanor/serve/model_server.hpp"
#include "athanor/serve/protocol.hpp"
#include "athanor/serve/server.hpp"

namespace athanor::serve::testing {

/// An answer as a client sees it; written without the server's code.
struct Answer {
  int status = 0;
  std::string version;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

inline std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Takes one answer from the front of `stream`; nothing when it is not complete.
inline std::optional<Answer> take_answer(std::string& stream, bool head = false) {
  const auto end = stream.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  Answer answer;
  answer.version = stream.substr(0, 8);
  answer.status = std::stoi(stream.substr(9, 3));
  std::size_t at = stream.find("\r\n") + 2;
  while (at < end) {
    const auto line_end = stream.find("\r\n", at);
    const auto colon = stream.find(':', at);
    answer.headers[lower(stream.substr(at, colon - at))] =
        stream.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  std::size_t length = 0;
  if (!head && answer.status != 100 && answer.headers.count("content-length"))
    length = std::stoul(answer.headers["content-length"]);
  if (stream.size() < end + 4 + length) return std::nullopt;
  answer.body = stream.substr(end + 4, length);
  stream.erase(0, end + 4 + length);
  return answer;
}

/// A client that sends exactly the bytes it is told to. Reads give up after 30 s, so that a broken
/// server fails a test instead of hanging it.
class Client {
 public:
  explicit Client(int port, const char* address = "127.0.0.1") {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    timeval timeout{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, address, &to.sin_addr);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }

  /// False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next answer, nothing when the connection ends first.
  std::optional<Answer> receive(bool head = false) {
    for (;;) {
      if (auto answer = take_answer(stream_, head)) return answer;
      if (!read_some()) return std::nullopt;
    }
  }

  std::optional<Answer> ask(std::string_view request) {
    if (!send(request)) return std::nullopt;
    return receive();
  }

  /// Something came from the server, or came to its end, within the time.
  bool readable_within(int milliseconds) {
    pollfd watched{fd_, POLLIN, 0};
    return ::poll(&watched, 1, milliseconds) > 0;
  }

  /// The server has ended the connection and sent nothing more.
  bool at_end() { return stream_.empty() && !read_some(); }
  const std::string& rest() const { return stream_; }

 private:
  bool read_some() {
    char buffer[65536];
    const auto got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    stream_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  std::string stream_;
};

inline std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

inline std::string post(const std::string& path, const std::string& body,
                        const std::string& headers = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + headers + "\r\n" + body;
}

/// The answer of a router without a socket.
inline Answer answer_of(const Router& router, const std::string& request, Limits limits = {}) {
  std::string bytes = answer_bytes(router, limits, request);
  auto answer = take_answer(bytes);
  EXPECT_TRUE(answer) << "no answer to " << request.substr(0, 200);
  return answer.value_or(Answer{});
}

/// Holds handlers until the test lets them go.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++entered_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return entered_ >= count; }));
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  int entered() {
    const std::lock_guard lock(mutex_);
    return entered_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int entered_ = 0;
  bool open_ = false;
};

/// Waits for something that another thread is about to make true; false after 30 s.
template <class F>
bool eventually(F condition) {
  const auto until = Clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (Clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

inline Handler text_handler(std::string text) {
  return [text](const Request&, const PathParams&) {
    Response response;
    response.content_type = "text/plain";
    response.body = text;
    return response;
  };
}

inline ServerOptions test_options(Limits limits = {}) {
  ServerOptions options;
  options.port = 0;
  options.threads = 4;
  options.limits = limits;
  options.metrics = std::make_shared<Metrics>();
  return options;
}

template <class T>
std::vector<std::uint8_t> bytes_of(const std::vector<T>& values) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class T>
std::vector<T> values_of(std::span<const std::uint8_t> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

inline std::string as_text(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

/// Gives its inputs back under the names of its outputs ("x" as "y", "x2" as "y2"), and counts.
class EchoModel : public ServedModel {
 public:
  EchoModel(std::string name, const std::string& datatype, std::vector<std::int64_t> shape) {
    info_.name = std::move(name);
    info_.platform = "test";
    info_.inputs = {{"x", datatype, shape}};
    info_.outputs = {{"y", datatype, shape}};
  }
  const ModelInfo& info() const override { return info_; }
  ModelInfo& edit() { return info_; }
  std::vector<TensorValue> infer(const std::vector<TensorValue>& inputs) override {
    ++runs;
    std::vector<TensorValue> outputs = inputs;
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i].name = info_.outputs[i].name;
    return outputs;
  }
  std::atomic<int> runs{0};

 private:
  ModelInfo info_;
};

/// A picture of this model is "PIC" and three digits: its scores for a, b and c in tenths.
class DigitsModel : public ServedModel {
 public:
  explicit DigitsModel(std::string name = "digits") {
    info_.name = std::move(name);
    info_.platform = "test";
    info_.task = "image.classify";
    info_.labels = {"a", "b", "c"};
    info_.inputs = {{"x", "FP32", {-1, 3}}};
    info_.outputs = {{"scores", "FP32", {-1, 3}}};
    info_.takes_pictures = true;
  }
  const ModelInfo& info() const override { return info_; }
  std::vector<TensorValue> infer(const std::vector<TensorValue>& inputs) override {
    if (gate) gate->pass();
    ++runs;
    std::vector<float> scores = values_of<float>(inputs[0].data);
    for (float& s : scores) s /= 10;
    return {{"scores", "FP32", inputs[0].shape, bytes_of(scores)}};
  }
  std::vector<TensorValue> prepare(std::span<const std::uint8_t> picture,
                                   std::int64_t max_pixels) const override {
    const std::string text(picture.begin(), picture.end());
    if (text.substr(0, 3) == "GIF") throw UnsupportedError("GIF pictures are not read");
    if (text.substr(0, 3) != "PIC" || text.size() != 6)
      throw FormatError("these bytes are no picture");
    require(max_pixels >= 3, "a picture of 3 pixels, at most {} are taken", max_pixels);
    std::vector<float> values;
    for (int i = 3; i < 6; ++i) values.push_back(static_cast<float>(text[i] - '0'));
    return {{"x", "FP32", {1, 3}, bytes_of(values)}};
  }
  std::vector<Prediction> interpret(const std::vector<TensorValue>& outputs,
                                    int top_k) const override {
    const auto scores = values_of<float>(outputs[0].data);
    std::vector<Prediction> result;
    for (std::size_t i = 0; i < scores.size(); ++i) result.push_back({info_.labels[i], scores[i]});
    std::stable_sort(result.begin(), result.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
    result.resize(std::min(result.size(), static_cast<std::size_t>(top_k)));
    return result;
  }
  Gate* gate = nullptr;
  std::atomic<int> runs{0};

 private:
  ModelInfo info_;
};

}  // namespace athanor::serve::testing
