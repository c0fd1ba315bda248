#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "athanor/serve/http.hpp"
#include "athanor/serve/metrics.hpp"
#include "athanor/serve/model.hpp"

namespace athanor::serve {

struct BatchOptions {
  std::int64_t max_batch = 32;  ///< rows of one run
  std::chrono::microseconds max_delay{
      2000};  ///< how long the first waits for others; 0: no batches
};

/// Runs a model for many callers, on one thread of its own: requests that come within max_delay and
/// whose inputs agree in datatype and shape but for the first dimension are stacked and run once.
/// Models without -1 in front of every input and output run request by request. A run that fails is
/// repeated request by request, so that one bad request fails alone.
class Batcher {
 public:
  class Ticket;

  Batcher(std::shared_ptr<ServedModel> model, BatchOptions options,
          std::shared_ptr<Metrics> metrics = nullptr);
  /// Answers what was submitted, then ends the thread.
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// Queues one request; `inputs` in the model's order.
  std::shared_ptr<Ticket> submit(std::vector<TensorValue> inputs);
  /// The outputs, or what infer() threw. After `deadline` HttpError 504; what had not begun by then
  /// is never run.
  std::vector<TensorValue> wait(const std::shared_ptr<Ticket>& ticket, Clock::time_point deadline);

  std::vector<TensorValue> run(std::vector<TensorValue> inputs,
                               Clock::time_point deadline = Clock::time_point::max()) {
    return wait(submit(std::move(inputs)), deadline);
  }

 private:
  using Group = std::vector<std::shared_ptr<Ticket>>;

  void work();
  std::int64_t gather(Group& group, std::int64_t rows);
  void run_group(const Group& group);
  void run_stacked(const Group& group);
  void run_one(Ticket& ticket);

  std::shared_ptr<ServedModel> model_;
  BatchOptions options_;
  std::shared_ptr<Metrics> metrics_;
  bool stackable_ = false;
  std::mutex mutex_;
  std::condition_variable arrived_;   ///< for the thread
  std::condition_variable finished_;  ///< for the callers
  std::deque<std::shared_ptr<Ticket>> queue_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace athanor::serve
