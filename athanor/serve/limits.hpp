#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace athanor::serve {

/// Everything a client could make the server spend, with its bound. The comment names the answer of
/// a request that goes beyond.
struct Limits {
  std::size_t max_body = std::size_t{64} << 20;          ///< 413
  std::size_t max_header = std::size_t{16} << 10;        ///< request line and fields: 414, 431
  int max_fields = 128;                                  ///< header fields: 431
  std::size_t max_body_memory = std::size_t{512} << 20;  ///< bodies of all requests: 503
  int max_connections = 256;                             ///< 503, then closed
  int max_queue = 64;                                    ///< requests that wait for a worker: 503
  std::chrono::milliseconds header_timeout{10'000};      ///< first to last header byte: 408
  std::chrono::milliseconds body_timeout{60'000};        ///< whole body: 408
  std::chrono::milliseconds write_timeout{60'000};       ///< client that does not read: closed
  std::chrono::milliseconds idle_timeout{60'000};        ///< between two requests: closed
  std::chrono::milliseconds request_deadline{60'000};    ///< queue and answer: 504
  std::chrono::milliseconds linger_timeout{2'000};       ///< for the refused to read the refusal
  int max_json_depth = 64;                               ///< 400
  int max_json_values = 100'000;                         ///< besides tensor data: 400
  int max_batch = 256;                                   ///< rows or pictures of a request: 413
  int max_parts = 512;                                   ///< of a multipart body: 413
  std::int64_t max_pixels = 100'000'000;                 ///< of one picture: 413 or 400
};

}  // namespace athanor::serve
