#include "athanor/data/sampler.hpp"

#include <numeric>
#include <utility>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"

namespace athanor::data {

namespace {
// Keeps the numbers of the order apart from those of the samples.
constexpr std::uint64_t kOrderStream = 0x6F72646572ull;
}  // namespace

EpochOrder::EpochOrder(std::int64_t count, std::uint64_t seed, std::int64_t epoch, bool shuffle) {
  require(count >= 0, "epoch order: count {} is negative", count);
  order_.resize(static_cast<std::size_t>(count));
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  if (!shuffle) return;
  Random random({seed, mix(kOrderStream, static_cast<std::uint64_t>(epoch))});
  for (std::size_t i = order_.size(); i > 1; --i)
    std::swap(order_[i - 1], order_[static_cast<std::size_t>(random.below(i))]);
}

}  // namespace athanor::data
