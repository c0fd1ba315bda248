#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "athanor/base/small_vector.hpp"

namespace athanor::backends::cpu {

/// What a cache has done so far and what it holds.
struct CacheStats {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
  std::size_t entries = 0;
  std::size_t bytes = 0;
};

/// A key of numbers: everything that the cached object depends on.
using CacheKey = SmallVector<std::int64_t, 40>;

struct CacheKeyHash {
  std::size_t operator()(const CacheKey& key) const {
    std::uint64_t h = key.size();
    for (std::int64_t v : key) {
      h ^= static_cast<std::uint64_t>(v) + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
      h *= 0xff51afd7ed558ccdu;
    }
    return static_cast<std::size_t>(h ^ (h >> 32));
  }
};

/// Keeps the entries used last, bounded by count and bytes. Thread-safe; a value that is evicted
/// lives on while somebody uses it.
template <class Value>
class BoundedCache {
 public:
  BoundedCache(std::size_t entries, std::size_t bytes) : max_entries_(entries), max_bytes_(bytes) {}

  /// Null when it is not there.
  std::shared_ptr<Value> find(const CacheKey& key) {
    const std::lock_guard lock(mutex_);
    const auto at = index_.find(key);
    if (at == index_.end()) {
      ++stats_.misses;
      return nullptr;
    }
    ++stats_.hits;
    order_.splice(order_.begin(), order_, at->second);
    return at->second->value;
  }

  /// Stores the value in place of an older one and gives it back.
  std::shared_ptr<Value> put(const CacheKey& key, std::shared_ptr<Value> value, std::size_t bytes) {
    std::list<Entry> dropped;  // destroyed after the lock is gone
    const std::lock_guard lock(mutex_);
    if (const auto at = index_.find(key); at != index_.end()) {
      stats_.bytes -= at->second->bytes;
      dropped.splice(dropped.begin(), order_, at->second);
      index_.erase(at);
    }
    order_.push_front({key, value, bytes});
    index_[key] = order_.begin();
    stats_.bytes += bytes;
    trim(dropped);
    return value;
  }

  void set_limits(std::size_t entries, std::size_t bytes) {
    std::list<Entry> dropped;
    const std::lock_guard lock(mutex_);
    max_entries_ = entries;
    max_bytes_ = bytes;
    trim(dropped);
  }

  void clear() {
    std::list<Entry> dropped;
    const std::lock_guard lock(mutex_);
    dropped.swap(order_);
    index_.clear();
    stats_ = {};
  }

  CacheStats stats() const {
    const std::lock_guard lock(mutex_);
    CacheStats s = stats_;
    s.entries = order_.size();
    return s;
  }

 private:
  struct Entry {
    CacheKey key;
    std::shared_ptr<Value> value;
    std::size_t bytes;
  };

  void trim(std::list<Entry>& dropped) {
    while (!order_.empty() && (order_.size() > max_entries_ || stats_.bytes > max_bytes_)) {
      const auto last = std::prev(order_.end());
      index_.erase(last->key);
      stats_.bytes -= last->bytes;
      ++stats_.evictions;
      dropped.splice(dropped.begin(), order_, last);
    }
  }

  mutable std::mutex mutex_;
  std::list<Entry> order_;  // used last in front
  std::unordered_map<CacheKey, typename std::list<Entry>::iterator, CacheKeyHash> index_;
  std::size_t max_entries_;
  std::size_t max_bytes_;
  CacheStats stats_;
};

}  // namespace athanor::backends::cpu
