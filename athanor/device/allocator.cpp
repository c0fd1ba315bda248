#include "athanor/device/allocator.hpp"

#include <sys/mman.h>

#include <algorithm>
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
  std::size_t limit = 0;
  std::array<std::vector<void*>, 48> small;  // free blocks of each class
  std::vector<void*> chunks;                 // all chunks, each kSmallChunk bytes
  std::map<std::size_t, Block> blocks;       // large blocks by address, free and live
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

void* CachingAllocator::allocate(std::size_t bytes, Category category) {
  require<OutOfMemoryError>(bytes < (std::size_t{1} << 48),
                            "an allocation of {} bytes is larger than any machine", bytes);
  const bool is_small = bytes <= kSmallLimit;
  const std::size_t size =
      is_small ? class_bytes(class_index(bytes)) : round_up(bytes, kLargeAlign);
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  void* address = nullptr;
  const bool over = s.limit != 0 && s.stats.total_live + size > s.limit;
  if (!over) address = is_small ? s.take_small(class_index(bytes)) : s.take_large(size);
  require<OutOfMemoryError>(
      address != nullptr, "out of memory: {} bytes asked for {}, {} in use, {}\n{}", size,
      name_of(category), s.stats.total_live,
      over ? fmt::format("the limit is {}", s.limit) : std::string("the system has no more"),
      s.table_locked());
  s.stats.live[static_cast<std::size_t>(category)] += size;
  s.stats.total_live += size;
  s.stats.peak_live = std::max(s.stats.peak_live, s.stats.total_live);
  ++s.stats.allocations;
  return address;
}

void CachingAllocator::free(void* address, std::size_t bytes, Category category) noexcept {
  const bool is_small = bytes <= kSmallLimit;
  const std::size_t size =
      is_small ? class_bytes(class_index(bytes)) : round_up(bytes, kLargeAlign);
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  s.stats.live[static_cast<std::size_t>(category)] -= size;
  s.stats.total_live -= size;
  if (is_small) {
    s.small[class_index(bytes)].push_back(address);
  } else {
    s.give_large(reinterpret_cast<std::size_t>(address));
  }
}

void CachingAllocator::set_limit(std::size_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->limit = bytes;
}

std::size_t CachingAllocator::limit() const {
  const std::lock_guard lock(state_->mutex);
  return state_->limit;
}

MemoryStats CachingAllocator::stats() const {
  const std::lock_guard lock(state_->mutex);
  MemoryStats stats = state_->stats;
  stats.cached -= stats.total_live;
  return stats;
}

void CachingAllocator::reset_peak() {
  const std::lock_guard lock(state_->mutex);
  state_->stats.peak_live = state_->stats.total_live;
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
  static auto* allocator = new CachingAllocator(make_mmap_source());
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
