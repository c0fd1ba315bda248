#include "athanor/data/loader.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "athanor/base/error.hpp"

namespace athanor::data::detail {

namespace {

// One batch on its way. `left` and `failed_slot` are guarded by the state's mutex.
struct Work {
  LoaderCore::Ready ready;
  std::int64_t handed_out = 0;  ///< slots that a worker has taken
  std::int64_t left = 0;        ///< slots that are not done
  std::int64_t failed_slot = -1;
  std::exception_ptr error;
};

}  // namespace

struct LoaderCore::State {
  LoaderOptions options;
  Batching batching;
  Load load;
  Make make;
  Destroy destroy;

  EpochOrder order;
  std::int64_t epoch = 0;
  std::int64_t next_batch = 0;  ///< the next to be opened
  bool started = false;
  std::exception_ptr failure;

  std::mutex mutex;
  std::condition_variable work_there, batch_done;
  std::deque<std::unique_ptr<Work>> window;  ///< in the order of delivery
  std::int64_t busy = 0;                     ///< workers inside `load`
  bool stopping = false;
  std::vector<void*> idle;
  std::vector<std::thread> threads;

  void* buffer() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        void* taken = idle.back();
        idle.pop_back();
        return taken;
      }
    }
    void* made = make();
    require(made != nullptr, "data loader: the buffer factory gave nothing");
    return made;
  }

  std::unique_ptr<Work> open_batch() {
    auto work = std::make_unique<Work>();
    work->ready.buffer = buffer();
    work->ready.number = next_batch;
    const std::int64_t begin = batching.begin(next_batch), end = batching.end(next_batch);
    const auto indices = order.indices();
    work->ready.indices.assign(indices.begin() + begin, indices.begin() + end);
    work->left = end - begin;
    ++next_batch;
    return work;
  }

  void run(Work& work, std::int64_t slot) const {
    const std::int64_t index = work.ready.indices[static_cast<std::size_t>(slot)];
    Random random(
        {options.seed, mix(static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(index))});
    load(index, slot, random, work.ready.buffer);
  }

  // Workers take a few slots at a time: the lock is cheap beside them, and a slow batch is shared.
  std::int64_t chunk() const {
    const std::int64_t share = batching.batch_size / (4 * std::max(1, options.workers));
    return std::clamp<std::int64_t>(share, 1, 32);
  }

  Work* open_work() {
    for (const auto& work : window)
      if (work->handed_out < static_cast<std::int64_t>(work->ready.indices.size()))
        return work.get();
    return nullptr;
  }

  void serve() {
    std::unique_lock lock(mutex);
    while (true) {
      Work* work = nullptr;
      work_there.wait(lock, [&] { return stopping || (work = open_work()) != nullptr; });
      if (stopping) return;
      const std::int64_t begin = work->handed_out;
      const std::int64_t end =
          std::min(begin + chunk(), static_cast<std::int64_t>(work->ready.indices.size()));
      work->handed_out = end;
      ++busy;
      for (std::int64_t slot = begin; slot < end; ++slot) {
        // After a failure only lower slots still matter: the lowest failing one is reported.
        const bool wanted = !stopping && (work->failed_slot < 0 || slot < work->failed_slot);
        if (!wanted) continue;
        lock.unlock();
        std::exception_ptr error;
        try {
          run(*work, slot);
        } catch (...) {
          error = std::current_exception();
        }
        lock.lock();
        if (error && (work->failed_slot < 0 || slot < work->failed_slot)) {
          work->failed_slot = slot;
          work->error = error;
        }
      }
      work->left -= end - begin;
      --busy;
      batch_done.notify_all();
    }
  }

  /// Drops everything that is on its way and waits for the samples that are being loaded.
  void drain() {
    std::unique_lock lock(mutex);
    for (const auto& work : window) {
      const auto size = static_cast<std::int64_t>(work->ready.indices.size());
      work->left -= size - work->handed_out;
      work->handed_out = size;
      work->failed_slot = 0;  // nothing of it is wanted any more
    }
    batch_done.wait(lock, [&] { return busy == 0; });
    for (const auto& work : window) idle.push_back(work->ready.buffer);
    window.clear();
  }

  void fill() {
    const auto room = static_cast<std::size_t>(std::max(1, options.prefetch));
    bool added = false;
    while (next_batch < batching.batches()) {
      {
        const std::lock_guard lock(mutex);
        if (window.size() >= room) break;
      }
      auto work = open_batch();
      const std::lock_guard lock(mutex);
      window.push_back(std::move(work));
      added = true;
    }
    if (added) work_there.notify_all();
  }

  std::optional<Ready> load_here() {
    if (next_batch >= batching.batches()) return std::nullopt;
    const auto work = open_batch();
    try {
      for (std::int64_t slot = 0; slot < work->left; ++slot) run(*work, slot);
    } catch (...) {
      fail(*work, std::current_exception());
    }
    return std::move(work->ready);
  }

  [[noreturn]] void fail(const Work& work, std::exception_ptr error) {
    {
      const std::lock_guard lock(mutex);
      idle.push_back(work.ready.buffer);
    }
    failure = error;
    std::rethrow_exception(error);
  }
};

LoaderCore::LoaderCore(LoaderOptions options, std::int64_t count, Load load, Make make,
                       Destroy destroy)
    : state_(std::make_unique<State>()) {
  require(options.batch_size >= 1, "data loader: batch size {} must be at least 1",
          options.batch_size);
  require(options.workers >= 0 && options.workers <= 1024,
          "data loader: {} workers, expected 0 to 1024", options.workers);
  require(options.prefetch >= 1, "data loader: prefetch {} must be at least 1", options.prefetch);
  require(count >= 0, "data loader: {} samples", count);
  state_->options = options;
  state_->batching = {count, options.batch_size, options.drop_last};
  state_->load = std::move(load);
  state_->make = std::move(make);
  state_->destroy = std::move(destroy);
}

LoaderCore::~LoaderCore() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->work_there.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
  for (const auto& work : state_->window) state_->destroy(work->ready.buffer);
  for (void* buffer : state_->idle) state_->destroy(buffer);
}

void LoaderCore::start_epoch(std::int64_t epoch, std::int64_t batch) {
  State& s = *state_;
  require(batch >= 0 && batch <= s.batching.batches(), "data loader: batch {} of an epoch of {}",
          batch, s.batching.batches());
  s.drain();
  s.failure = nullptr;
  s.epoch = epoch;
  s.next_batch = batch;
  s.order = EpochOrder(s.batching.count, s.options.seed, epoch, s.options.shuffle);
  s.started = true;
  if (s.options.workers == 0) return;
  while (s.threads.size() < static_cast<std::size_t>(s.options.workers))
    s.threads.emplace_back([&s] { s.serve(); });
  s.fill();
}

std::optional<LoaderCore::Ready> LoaderCore::next() {
  State& s = *state_;
  require(s.started, "data loader: next() before start_epoch()");
  if (s.failure) std::rethrow_exception(s.failure);
  if (s.options.workers == 0) return s.load_here();
  s.fill();
  std::unique_lock lock(s.mutex);
  if (s.window.empty()) return std::nullopt;
  s.batch_done.wait(lock, [&] { return s.window.front()->left == 0; });
  const std::unique_ptr<Work> work = std::move(s.window.front());
  s.window.pop_front();
  lock.unlock();
  if (work->error) s.fail(*work, work->error);
  try {
    s.fill();  // the workers go on while the caller computes
  } catch (...) {
    recycle(work->ready.buffer);
    throw;
  }
  return std::move(work->ready);
}

void LoaderCore::recycle(void* buffer) {
  const std::lock_guard lock(state_->mutex);
  state_->idle.push_back(buffer);
}

const Batching& LoaderCore::batching() const { return state_->batching; }

}  // namespace athanor::data::detail
