#include "athanor/device/allocator.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "athanor/base/error.hpp"

namespace athanor {

std::string_view name_of(Category category) {
  constexpr std::string_view names[] = {"parameter", "gradient",      "optimizer", "activation",
                                        "workspace", "communication", "other"};
  return names[static_cast<int>(category)];
}

namespace {

constexpr std::size_t kAlign = 64;
constexpr std::size_t kSmallLimit = std::size_t{1}
                                    << 16;  // size classes up to here, best fit above
constexpr std::size_t kSmallChunk = std::size_t{1}
                                    << 20;  // small blocks are cut from chunks of this size
constexpr std::size_t kSegment = std::size_t{32}
                                 << 20;  // large blocks are cut from segments of at least this
constexpr std::size_t kLargeAlign = 4096;

class MmapSource final : public MemorySource {
 public:
  void* reserve(std::size_t bytes) override {
    constexpr std::size_t huge = std::size_t{2} << 20;
    void* address =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return nullptr;
    if (bytes >= huge) ::madvise(address, bytes, MADV_HUGEPAGE);
    return address;
  }
  void release(void* address, std::size_t bytes) override { ::munmap(address, bytes); }
};

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

// Four classes for each power of two: at most a quarter of a block is lost to rounding.
std::size_t class_index(std::size_t bytes) {
  const std::size_t units = (std::max<std::size_t>(bytes, 1) + kAlign - 1) / kAlign;  // 1..1024
  if (units <= 4) return units - 1;
  const std::size_t power = static_cast<std::size_t>(std::bit_width(units - 1)) - 1;
  const std::size_t step = std::size_t{1} << (power - 2);
  return 4 * (power - 1) + (units - 1 - (std::size_t{1} << power)) / step;
}

std::size_t class_bytes(std::size_t index) {
  if (index < 4) return (index + 1) * kAlign;
  const std::size_t power = index / 4 + 1;
  return ((std::size_t{1} << power) + (index % 4 + 1) * (std::size_t{1} << (power - 2))) * kAlign;
}

// Note [Thread caches]: small blocks of the process's allocator pass through a cache of each
// thread, so that most ops take no lock. A cache counts what its thread took and gave as
// differences, which stats() adds up; only the owner writes them. The peak is noted whenever the
// lock is taken, so it may miss what lies in caches: at most kBatch blocks of a class and thread.
constexpr std::size_t kClasses = 48;
constexpr std::size_t kBatch = 16;

struct ThreadCache {
  std::array<std::array<void*, 2 * kBatch>, kClasses> blocks;
  std::array<std::uint8_t, kClasses> count{};
  std::array<std::atomic<std::int64_t>, kCategoryCount> live{};
  std::atomic<std::uint64_t> allocations{0};

  // Without a lock prefix: there is one writer.
  template <class T>
  static void add(std::atomic<T>& counter, T difference) {
    counter.store(counter.load(std::memory_order_relaxed) + difference, std::memory_order_relaxed);
  }
};

struct Block {
  std::size_t bytes;
  std::size_t segment;  // start address of the segment it was cut from
  bool free;
};

}  // namespace

std::unique_ptr<MemorySource> make_mmap_source() { return std::make_unique<MmapSource>(); }

struct CachingAllocator::State {
  std::unique_ptr<MemorySource> source;
  mutable std::mutex mutex;
  MemoryStats stats;
  std::atomic<std::size_t> limit{0};
  std::vector<ThreadCache*> caches;
  std::array<std::vector<void*>, kClasses> small;  // free blocks of each class
  std::vector<void*> chunks;                       // all chunks, each kSmallChunk bytes
  std::map<std::size_t, Block> blocks;             // large blocks by address, free and live
  std::set<std::pair<std::size_t, std::size_t>> free_large;  // (bytes, address)
  std::map<std::size_t, std::size_t> segments;               // address -> bytes

  void* reserve(std::size_t bytes) {
    ++stats.system_calls;
    void* address = source->reserve(bytes);
    if (!address && trim_locked()) address = source->reserve(bytes);
    if (address) stats.cached += bytes;
    return address;
  }

  void* take_small(std::size_t index) {
    auto& list = small[index];
    if (list.empty()) {
      const std::size_t bytes = class_bytes(index);
      auto* chunk = static_cast<char*>(reserve(kSmallChunk));
      if (!chunk) return nullptr;
      chunks.push_back(chunk);
      for (std::size_t at = kSmallChunk / bytes; at-- > 0;) list.push_back(chunk + at * bytes);
    }
    void* address = list.back();
    list.pop_back();
    return address;
  }

  void* take_large(std::size_t bytes) {
    auto found = free_large.lower_bound({bytes, 0});
    if (found == free_large.end()) {
      std::size_t size = std::max(bytes, kSegment);
      void* fresh = reserve(size);
      if (!fresh && size > bytes) fresh = reserve(size = bytes);
      if (!fresh) return nullptr;
      const auto start = reinterpret_cast<std::size_t>(fresh);
      segments[start] = size;
      blocks[start] = {size, start, true};
      found = free_large.insert({size, start}).first;
    }
    const std::size_t start = found->second;
    free_large.erase(found);
    Block& block = blocks[start];
    block.free = false;
    if (block.bytes - bytes >= kSmallLimit) {
      const std::size_t rest = start + bytes;
      blocks[rest] = {block.bytes - bytes, block.segment, true};
      free_large.insert({block.bytes - bytes, rest});
      block.bytes = bytes;
    }
    return reinterpret_cast<void*>(start);
  }

  void give_large(std::size_t start) {
    auto it = blocks.find(start);
    it->second.free = true;
    if (auto next = std::next(it);
        next != blocks.end() && next->second.free && next->second.segment == it->second.segment) {
      free_large.erase({next->second.bytes, next->first});
      it->second.bytes += next->second.bytes;
      blocks.erase(next);
    }
    if (it != blocks.begin()) {
      auto previous = std::prev(it);
      if (previous->second.free && previous->second.segment == it->second.segment) {
        free_large.erase({previous->second.bytes, previous->first});
        previous->second.bytes += it->second.bytes;
        blocks.erase(it);
        it = previous;
      }
    }
    free_large.insert({it->second.bytes, it->first});
  }

  static void add_counts(MemoryStats& sum, const ThreadCache& cache) {
    sum.allocations += cache.allocations.load(std::memory_order_relaxed);
    for (std::size_t c = 0; c < kCategoryCount; ++c) {
      const auto difference =
          static_cast<std::size_t>(cache.live[c].load(std::memory_order_relaxed));
      sum.live[c] += difference;  // modulo 2^64: a thread may give what another took
      sum.total_live += difference;
    }
  }
  // What is live in all, caches included.
  MemoryStats total_locked() const {
    MemoryStats sum = stats;
    for (const ThreadCache* cache : caches) add_counts(sum, *cache);
    sum.peak_live = std::max(sum.peak_live, sum.total_live);
    return sum;
  }
  void note_peak() { stats.peak_live = total_locked().peak_live; }

  bool trim_locked() {
    bool any = false;
    for (auto it = segments.begin(); it != segments.end();) {
      auto block = blocks.find(it->first);
      if (block->second.free && block->second.bytes == it->second) {
        free_large.erase({it->second, it->first});
        blocks.erase(block);
        source->release(reinterpret_cast<void*>(it->first), it->second);
        stats.cached -= it->second;
        it = segments.erase(it);
        any = true;
      } else {
        ++it;
      }
    }
    return any;
  }

  std::string table_locked() const {
    const MemoryStats stats = total_locked();
    std::string out;
    for (int c = 0; c < kCategoryCount; ++c) {
      const auto category = static_cast<Category>(c);
      out += fmt::format("  {:<14}{:>10.1f} MiB\n", name_of(category),
                         static_cast<double>(stats.live[static_cast<std::size_t>(c)]) / 1048576.0);
    }
    return out + fmt::format("  {:<14}{:>10.1f} MiB\n", "cached, free",
                             static_cast<double>(stats.cached - stats.total_live) / 1048576.0);
  }
};

CachingAllocator::CachingAllocator(std::unique_ptr<MemorySource> source)
    : state_(std::make_unique<State>()) {
  state_->source = std::move(source);
}

CachingAllocator::~CachingAllocator() {
  for (void* chunk : state_->chunks) state_->source->release(chunk, kSmallChunk);
  for (const auto& [start, bytes] : state_->segments)
    state_->source->release(reinterpret_cast<void*>(start), bytes);
}

namespace {

// The allocator whose small blocks go through thread caches: the process's.
std::atomic<const CachingAllocator*> with_caches{nullptr};

thread_local ThreadCache* thread_cache = nullptr;
thread_local bool thread_ends = false;  // its cache is gone already

// Gives the cache of a thread back when the thread ends.
template <class State>
struct CacheOwner {
  State& state;
  ThreadCache cache;

  explicit CacheOwner(State& s) : state(s) {
    const std::lock_guard lock(state.mutex);
    state.caches.push_back(&cache);
    thread_cache = &cache;
  }
  ~CacheOwner() {
    thread_cache = nullptr;
    thread_ends = true;
    const std::lock_guard lock(state.mutex);
    state.note_peak();
    state.add_counts(state.stats, cache);
    std::erase(state.caches, &cache);
    for (std::size_t i = 0; i < kClasses; ++i)
      state.small[i].insert(state.small[i].end(), cache.blocks[i].begin(),
                            cache.blocks[i].begin() + cache.count[i]);
  }
};

template <class State>
ThreadCache* cache_of_thread(State& state) {
  if (thread_cache) return thread_cache;
  if (thread_ends) return nullptr;
  thread_local CacheOwner<State> owner(state);
  return thread_cache;
}

// How many blocks of a class go between a cache and the common lists at once: 64 KiB at most.
std::size_t batch_of(std::size_t index) {
  return std::clamp<std::size_t>(kSmallLimit / class_bytes(index), 1, kBatch);
}

template <class State>
void* take_cached(State& s, std::size_t index, Category category) {
  ThreadCache* cache = cache_of_thread(s);
  if (!cache) return nullptr;
  auto& list = cache->blocks[index];
  std::uint8_t& count = cache->count[index];
  if (count == 0) {
    const std::lock_guard lock(s.mutex);
    s.note_peak();
    for (std::size_t left = batch_of(index); left > 0; --left) {
      void* address = s.take_small(index);
      if (!address) break;
      list[count++] = address;
    }
    if (count == 0) return nullptr;
  }
  cache->add(cache->live[static_cast<std::size_t>(category)],
             static_cast<std::int64_t>(class_bytes(index)));
  cache->add(cache->allocations, std::uint64_t{1});
  return list[--count];
}

template <class State>
bool give_cached(State& s, void* address, std::size_t index, Category category) {
  ThreadCache* cache = cache_of_thread(s);
  if (!cache) return false;
  auto& list = cache->blocks[index];
  std::uint8_t& count = cache->count[index];
  const std::size_t batch = batch_of(index);
  if (count == 2 * batch) {
    const std::lock_guard lock(s.mutex);
    s.note_peak();
    for (std::size_t left = batch; left > 0; --left) s.small[index].push_back(list[--count]);
  }
  list[count++] = address;
  cache->add(cache->live[static_cast<std::size_t>(category)],
             -static_cast<std::int64_t>(class_bytes(index)));
  return true;
}

}  // namespace

void* CachingAllocator::allocate(std::size_t bytes, Category category) {
  const bool is_small = bytes <= kSmallLimit;
  State& s = *state_;
  if (is_small && with_caches.load(std::memory_order_relaxed) == this &&
      s.limit.load(std::memory_order_relaxed) == 0)
    if (void* address = take_cached(s, class_index(bytes), category)) return address;
  require<OutOfMemoryError>(bytes < (std::size_t{1} << 48),
                            "an allocation of {} bytes is larger than any machine", bytes);
  const std::size_t size =
      is_small ? class_bytes(class_index(bytes)) : round_up(bytes, kLargeAlign);
  const std::lock_guard lock(s.mutex);
  const std::size_t limit = s.limit.load(), live = s.total_locked().total_live;
  void* address = nullptr;
  const bool over = limit != 0 && live + size > limit;
  if (!over) address = is_small ? s.take_small(class_index(bytes)) : s.take_large(size);
  if (!address)
    raise<OutOfMemoryError>(
        "out of memory: {} bytes asked for {}, {} in use, {}\n{}", size, name_of(category), live,
        over ? fmt::format("the limit is {}", limit) : std::string("the system has no more"),
        s.table_locked());
  s.stats.live[static_cast<std::size_t>(category)] += size;
  s.stats.total_live += size;
  s.note_peak();
  ++s.stats.allocations;
  return address;
}

void CachingAllocator::free(void* address, std::size_t bytes, Category category) noexcept {
  const bool is_small = bytes <= kSmallLimit;
  State& s = *state_;
  if (is_small && with_caches.load(std::memory_order_relaxed) == this &&
      give_cached(s, address, class_index(bytes), category))
    return;
  const std::size_t size =
      is_small ? class_bytes(class_index(bytes)) : round_up(bytes, kLargeAlign);
  const std::lock_guard lock(s.mutex);
  s.stats.live[static_cast<std::size_t>(category)] -= size;
  s.stats.total_live -= size;
  if (is_small) {
    s.small[class_index(bytes)].push_back(address);
  } else {
    s.give_large(reinterpret_cast<std::size_t>(address));
  }
}

void CachingAllocator::set_limit(std::size_t bytes) { state_->limit.store(bytes); }

std::size_t CachingAllocator::limit() const { return state_->limit.load(); }

MemoryStats CachingAllocator::stats() const {
  const std::lock_guard lock(state_->mutex);
  MemoryStats stats = state_->total_locked();
  stats.cached -= stats.total_live;
  return stats;
}

void CachingAllocator::reset_peak() {
  const std::lock_guard lock(state_->mutex);
  state_->stats.peak_live = 0;
  state_->note_peak();
}

void CachingAllocator::trim() {
  const std::lock_guard lock(state_->mutex);
  state_->trim_locked();
}

std::string CachingAllocator::table() const {
  const std::lock_guard lock(state_->mutex);
  return state_->table_locked();
}

CachingAllocator& cpu_allocator() {
  // Never destroyed: tensors in static storage may outlive any order of destruction.
  static CachingAllocator* allocator = [] {
    auto* instance = new CachingAllocator(make_mmap_source());
    with_caches.store(instance);
    return instance;
  }();
  return *allocator;
}

namespace {
thread_local Category current_category = Category::activation;
}

CategoryScope::CategoryScope(Category category) : previous_(current_category) {
  current_category = category;
}
CategoryScope::~CategoryScope() { current_category = previous_; }
Category CategoryScope::current() { return current_category; }

}  // namespace athanor
