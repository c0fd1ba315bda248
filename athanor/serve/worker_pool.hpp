#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace athanor::serve {

/// Threads for handlers, with a bounded queue in front.
class WorkerPool {
 public:
  WorkerPool(int threads, int max_queue);
  /// Finishes what was accepted, then ends the threads.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False when no worker is idle and the queue is full. Jobs must not throw.
  bool submit(std::function<void()> job);
  int queued() const;

 private:
  void work();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  int idle_ = 0;
  int max_queue_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace athanor::serve
