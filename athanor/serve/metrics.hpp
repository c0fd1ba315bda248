#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "athanor/serve/router.hpp"

namespace athanor::serve {

/// Counts what the server does and writes it in Prometheus' text format. Labels are routes, never
/// paths of clients, so their number is bounded.
class Metrics {
 public:
  /// One answered request; route is the pattern, empty for none.
  void request(std::string_view route, std::string_view method, int status, double seconds);
  /// One run of a model over `rows` rows of `requests` requests.
  void batch(std::string_view model, std::int64_t requests, std::int64_t rows, double seconds);

  std::string text() const;

  std::atomic<std::int64_t> in_flight{0};    ///< requests being answered, waiting ones included
  std::atomic<std::int64_t> queued{0};       ///< requests that wait for a worker
  std::atomic<std::int64_t> connections{0};  ///< open connections

 private:
  static constexpr std::array<double, 14> kBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                  0.1,    0.25,  0.5,    1,     2.5,  5,     10};
  struct Histogram {
    std::array<std::int64_t, kBounds.size() + 1> counts{};
    std::int64_t count = 0;
    double sum = 0;
    void observe(double seconds);
  };
  struct Batches {
    std::int64_t runs = 0, requests = 0, rows = 0;
    double seconds = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, std::int64_t, std::less<>> requests_;
  std::map<std::string, Histogram, std::less<>> seconds_;
  std::map<std::string, Batches, std::less<>> batches_;
};

}  // namespace athanor::serve
