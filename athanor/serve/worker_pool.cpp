#include "athanor/serve/worker_pool.hpp"

namespace athanor::serve {

WorkerPool::WorkerPool(int threads, int max_queue) : idle_(threads), max_queue_(max_queue) {
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    // Jobs that idle threads are about to take do not count as waiting.
    if (static_cast<int>(jobs_.size()) >= max_queue_ + idle_) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

int WorkerPool::queued() const {
  const std::lock_guard lock(mutex_);
  const int waiting = static_cast<int>(jobs_.size()) - idle_;
  return waiting > 0 ? waiting : 0;
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    --idle_;
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    ++idle_;
  }
}

}  // namespace athanor::serve
