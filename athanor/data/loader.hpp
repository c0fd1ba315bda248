#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "athanor/base/philox.hpp"
#include "athanor/data/sampler.hpp"

namespace athanor::data {

struct LoaderOptions {
  std::int64_t batch_size = 32;
  int workers = 0;   ///< threads; 0 loads in next() itself
  int prefetch = 2;  ///< batches that are loaded ahead, 1 or more (with workers)
  std::uint64_t seed = 0;
  bool drop_last = false;
  bool shuffle = true;
};

namespace detail {

/// Threads, order and delivery of a DataLoader, for buffers of any type.
class LoaderCore {
 public:
  using Load = std::function<void(std::int64_t index, std::int64_t slot, Random&, void* buffer)>;
  using Make = std::function<void*()>;  ///< called in the caller's thread only
  using Destroy = std::function<void(void*)>;

  struct Ready {
    void* buffer = nullptr;
    std::int64_t number = 0;
    std::vector<std::int64_t> indices;
  };

  LoaderCore(LoaderOptions options, std::int64_t count, Load load, Make make, Destroy destroy);
  LoaderCore(const LoaderCore&) = delete;
  LoaderCore& operator=(const LoaderCore&) = delete;
  ~LoaderCore();

  void start_epoch(std::int64_t epoch, std::int64_t batch);
  std::optional<Ready> next();
  void recycle(void* buffer);
  const Batching& batching() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// Loads batches of samples with threads that work ahead.
///
/// Which samples a batch holds, in which slots, and the random numbers of each sample are a pure
/// function of (seed, epoch, position): the same for any number of workers, and the same when an
/// epoch is begun in its middle. A sample's random numbers have the key {seed, mix(epoch, index)}.
///
/// `load(index, slot, random, buffer)` writes one sample into its slot; it is called from several
/// threads at once, for different slots of a buffer and for different buffers. `make` gives a new
/// buffer for batch_size samples, in the caller's thread; buffers are used again.
///
/// An exception of `load` reaches the caller in next() at its batch (the one of the lowest slot);
/// from then on next() repeats it until start_epoch(). One thread at a time may call.
template <class Buffer>
class DataLoader {
 public:
  using Load = std::function<void(std::int64_t index, std::int64_t slot, Random&, Buffer&)>;
  using Make = std::function<std::unique_ptr<Buffer>()>;

  /// Gives a buffer back to its loader; the loader may be gone by then.
  struct Recycle {
    std::weak_ptr<detail::LoaderCore> core;
    void operator()(Buffer* buffer) const {
      if (const auto alive = core.lock())
        alive->recycle(buffer);
      else
        std::unique_ptr<Buffer>{buffer};
    }
  };

  struct Batch {
    std::unique_ptr<Buffer, Recycle> buffer;
    std::int64_t number = 0;            ///< of the batch in its epoch, from 0
    std::vector<std::int64_t> indices;  ///< of the samples, by slot; the last batch may be short
    std::int64_t size() const { return static_cast<std::int64_t>(indices.size()); }
  };

  /// Throws ValueError for a batch size, prefetch or count that makes no sense.
  DataLoader(LoaderOptions options, std::int64_t count, Load load, Make make)
      : core_(std::make_shared<detail::LoaderCore>(
            options, count,
            [load = std::move(load)](std::int64_t index, std::int64_t slot, Random& random,
                                     void* buffer) {
              load(index, slot, random, *static_cast<Buffer*>(buffer));
            },
            [make = std::move(make)]() -> void* { return make().release(); },
            [](void* buffer) { std::unique_ptr<Buffer>{static_cast<Buffer*>(buffer)}; })) {}

  /// Begins an epoch at the given batch; what was loaded ahead of another epoch is dropped.
  void start_epoch(std::int64_t epoch, std::int64_t batch = 0) { core_->start_epoch(epoch, batch); }

  /// The next batch, nothing at the end of the epoch.
  std::optional<Batch> next() {
    auto ready = core_->next();
    if (!ready) return std::nullopt;
    return Batch{{static_cast<Buffer*>(ready->buffer), Recycle{core_}},
                 ready->number,
                 std::move(ready->indices)};
  }

  std::int64_t batches() const { return core_->batching().batches(); }

 private:
  std::shared_ptr<detail::LoaderCore> core_;
};

}  // namespace athanor::data
