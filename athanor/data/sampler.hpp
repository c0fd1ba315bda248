#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace athanor::data {

/// The order of an epoch: a pure function of (count, seed, epoch). A uniform random permutation
/// (Fisher-Yates with Philox numbers), or 0, 1, 2 ... without shuffling.
class EpochOrder {
 public:
  EpochOrder() = default;
  EpochOrder(std::int64_t count, std::uint64_t seed, std::int64_t epoch, bool shuffle = true);

  std::int64_t size() const { return static_cast<std::int64_t>(order_.size()); }
  /// The index that is visited at a position.
  std::int64_t operator[](std::int64_t position) const {
    return order_[static_cast<std::size_t>(position)];
  }
  std::span<const std::int64_t> indices() const { return order_; }

 private:
  std::vector<std::int64_t> order_;
};

/// Where the batches of an epoch begin and end.
struct Batching {
  std::int64_t count = 0;       ///< of samples
  std::int64_t batch_size = 1;  ///< 1 or more
  bool drop_last = false;       ///< leave out a last batch that is not full

  std::int64_t batches() const {
    return drop_last ? count / batch_size : (count + batch_size - 1) / batch_size;
  }
  std::int64_t begin(std::int64_t batch) const { return batch * batch_size; }
  std::int64_t end(std::int64_t batch) const {
    const std::int64_t full = (batch + 1) * batch_size;
    return full < count ? full : count;
  }
};

}  // namespace athanor::data
