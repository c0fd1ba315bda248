#include "athanor/base/parallel.hpp"

#include <sched.h>

#include <atomic>
#include <exception>
#include <mutex>

#include "athanor/base/error.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace athanor {

namespace {

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  const int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

std::atomic<int> thread_count{0};
std::atomic<bool> deterministic_mode{false};

}  // namespace

int compute_threads() {
  int count = thread_count.load(std::memory_order_relaxed);
  if (count == 0) {
    count = usable_cores();
    thread_count.store(count, std::memory_order_relaxed);
  }
  return count;
}

void set_compute_threads(int count) {
  require(count >= 1 && count <= 1024, "threads must be between 1 and 1024, not {}", count);
  thread_count.store(count, std::memory_order_relaxed);
#ifdef _OPENMP
  omp_set_num_threads(count);
#endif
}

int compute_threads_here() {
#ifdef _OPENMP
  return omp_in_parallel() ? 1 : compute_threads();
#else
  return 1;
#endif
}

bool deterministic() { return deterministic_mode.load(std::memory_order_relaxed); }
void set_deterministic(bool on) { deterministic_mode.store(on, std::memory_order_relaxed); }

#ifdef _OPENMP
LibraryThreads::LibraryThreads(int count)
    : before_(omp_get_max_threads()), changed_(before_ != count) {
  if (changed_) omp_set_num_threads(count);
}
LibraryThreads::~LibraryThreads() {
  if (changed_) omp_set_num_threads(before_);
}
#else
LibraryThreads::LibraryThreads(int count) : before_(count), changed_(false) {}
LibraryThreads::~LibraryThreads() = default;
#endif

void detail::parallel_run(std::int64_t blocks, void (*body)(void*, std::int64_t), void* context) {
#ifdef _OPENMP
  if (compute_threads_here() > 1) {
    std::exception_ptr failure;
    std::mutex mutex;
#pragma omp parallel for schedule(static) num_threads(compute_threads())
    for (std::int64_t block = 0; block < blocks; ++block) {
      try {
        body(context, block);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
    return;
  }
#endif
  for (std::int64_t block = 0; block < blocks; ++block) body(context, block);
}

}  // namespace athanor
