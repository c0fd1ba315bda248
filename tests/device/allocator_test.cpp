#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <thread>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/device/allocator.hpp"

namespace athanor {
namespace {

/// Memory of the C library, counted and limited.
class CountedSource final : public MemorySource {
 public:
  struct Counts {
    std::size_t held = 0;
    std::size_t limit = ~std::size_t{0};
    std::map<void*, std::size_t> blocks;
  };
  explicit CountedSource(Counts& counts) : counts_(counts) {}
  void* reserve(std::size_t bytes) override {
    if (counts_.held + bytes > counts_.limit) return nullptr;
    void* address = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    counts_.held += bytes;
    counts_.blocks[address] = bytes;
    return address;
  }
  void release(void* address, std::size_t bytes) override {
    const auto found = counts_.blocks.find(address);
    ASSERT_NE(found, counts_.blocks.end());
    EXPECT_EQ(found->second, bytes);
    counts_.held -= bytes;
    counts_.blocks.erase(found);
    std::free(address);
  }

 private:
  Counts& counts_;
};

struct Live {
  std::size_t bytes;
  Category category;
  std::uint8_t pattern;
};

// Sizes of every scale, and often the borders of the size classes.
std::size_t random_size(Random& random) {
  const std::size_t base = std::size_t{1} << random.below(23);
  switch (random.below(4)) {
    case 0: return base;
    case 1: return base - 1;
    case 2: return base + 1;
    default: return random.below(2 * base);
  }
}

TEST(Allocator, RandomCallsKeepBlocksApartAlignedAndCounted) {
  CountedSource::Counts counts;
  {
    CachingAllocator allocator(std::make_unique<CountedSource>(counts));
    Random random({7, 7});
    std::map<char*, Live> live;
    std::array<std::size_t, kCategoryCount> asked{};
    for (int step = 0; step < 20000; ++step) {
      if (live.empty() || (live.size() < 300 && random.flip())) {
        const std::size_t bytes = random_size(random);
        const auto category = static_cast<Category>(random.below(kCategoryCount));
        auto* address = static_cast<char*>(allocator.allocate(bytes, category));
        ASSERT_EQ(reinterpret_cast<std::size_t>(address) % 64, 0u);
        const auto next = live.lower_bound(address);
        if (next != live.end()) {
          ASSERT_LE(address + std::max<std::size_t>(bytes, 1), next->first);
        }
        if (next != live.begin()) {
          const auto previous = std::prev(next);
          ASSERT_GE(address, previous->first + std::max<std::size_t>(previous->second.bytes, 1));
        }
        const auto pattern = static_cast<std::uint8_t>(random.word());
        std::memset(address, pattern, bytes);
        live[address] = {bytes, category, pattern};
        asked[static_cast<std::size_t>(category)] += bytes;
      } else {
        auto at = live.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(random.below(live.size())));
        const auto [address, block] = *at;
        for (std::size_t i = 0; i < block.bytes; i += 1 + block.bytes / 16)
          ASSERT_EQ(static_cast<std::uint8_t>(address[i]), block.pattern);
        allocator.free(address, block.bytes, block.category);
        asked[static_cast<std::size_t>(block.category)] -= block.bytes;
        live.erase(at);
      }
      if (step % 100 == 0) {
        const MemoryStats stats = allocator.stats();
        std::size_t total = 0;
        for (std::size_t c = 0; c < kCategoryCount; ++c) {
          EXPECT_GE(stats.live[c], asked[c]);
          total += stats.live[c];
        }
        EXPECT_EQ(stats.total_live, total);
        EXPECT_GE(stats.peak_live, total);
        EXPECT_EQ(stats.total_live + stats.cached, counts.held);
      }
    }
    for (const auto& [address, block] : live) allocator.free(address, block.bytes, block.category);
    EXPECT_EQ(allocator.stats().total_live, 0u);
  }
  EXPECT_EQ(counts.held, 0u) << "the allocator gives everything back in the end";
}

TEST(Allocator, TrimGivesLargeFreeBlocksBack) {
  CountedSource::Counts counts;
  CachingAllocator allocator(std::make_unique<CountedSource>(counts));
  void* a = allocator.allocate(100 << 20, Category::activation);
  void* b = allocator.allocate(100 << 20, Category::activation);
  allocator.free(a, 100 << 20, Category::activation);
  EXPECT_GE(allocator.stats().cached, std::size_t{100} << 20);
  allocator.trim();
  EXPECT_LT(counts.held, std::size_t{150} << 20);
  allocator.free(b, 100 << 20, Category::activation);
  allocator.trim();
  EXPECT_EQ(counts.held, 0u);
}

TEST(Allocator, AFreedBlockIsUsedAgainWithoutAskingTheSystem) {
  CountedSource::Counts counts;
  CachingAllocator allocator(std::make_unique<CountedSource>(counts));
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{5000}, std::size_t{3} << 20}) {
    void* first = allocator.allocate(bytes, Category::other);
    allocator.free(first, bytes, Category::other);
    const std::uint64_t calls = allocator.stats().system_calls;
    void* second = allocator.allocate(bytes, Category::other);
    EXPECT_EQ(first, second);
    EXPECT_EQ(allocator.stats().system_calls, calls);
    allocator.free(second, bytes, Category::other);
  }
}

TEST(Allocator, TheLimitIsKeptAndTheErrorShowsTheTable) {
  CountedSource::Counts counts;
  CachingAllocator allocator(std::make_unique<CountedSource>(counts));
  allocator.set_limit(10 << 20);
  void* a = allocator.allocate(8 << 20, Category::parameter);
  try {
    (void)allocator.allocate(4 << 20, Category::workspace);
    FAIL() << "the limit was not kept";
  } catch (const OutOfMemoryError& e) {
    const std::string text = e.what();
    for (const char* part : {"parameter", "gradient", "optimizer", "activation", "workspace",
                             "communication", "other", "8.0 MiB", "the limit is"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  void* b = allocator.allocate(1 << 20, Category::workspace);
  allocator.free(b, 1 << 20, Category::workspace);
  allocator.free(a, 8 << 20, Category::parameter);
  EXPECT_EQ(allocator.limit(), std::size_t{10} << 20);
  EXPECT_LE(allocator.stats().peak_live, std::size_t{10} << 20);
}

TEST(Allocator, WhenTheSystemHasNoMoreTheCacheIsGivenBackFirst) {
  CountedSource::Counts counts;
  counts.limit = 100 << 20;
  CachingAllocator allocator(std::make_unique<CountedSource>(counts));
  void* a = allocator.allocate(70 << 20, Category::other);
  allocator.free(a, 70 << 20, Category::other);
  void* b = allocator.allocate(90 << 20, Category::other);
  EXPECT_THROW((void)allocator.allocate(50 << 20, Category::other), OutOfMemoryError);
  allocator.free(b, 90 << 20, Category::other);
  EXPECT_THROW((void)allocator.allocate(std::size_t{1} << 60, Category::other), OutOfMemoryError);
}

TEST(Allocator, ThreadsShareItWithoutLosingBlocks) {
  CountedSource::Counts counts;
  CachingAllocator allocator(make_mmap_source());
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Random random({t, 1});
      std::vector<std::pair<std::uint64_t*, std::size_t>> mine;
      for (int i = 0; i < 5000; ++i) {
        if (mine.size() < 40 && random.flip(0.6f)) {
          const std::size_t bytes = 8 + random.below(std::size_t{1} << random.below(18));
          auto* p = static_cast<std::uint64_t*>(allocator.allocate(bytes, Category::other));
          *p = t;
          mine.emplace_back(p, bytes);
        } else if (!mine.empty()) {
          const auto [p, bytes] = mine.back();
          mine.pop_back();
          EXPECT_EQ(*p, t);
          allocator.free(p, bytes, Category::other);
        }
      }
      for (const auto& [p, bytes] : mine) allocator.free(p, bytes, Category::other);
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(allocator.stats().total_live, 0u);
}

TEST(Allocator, ABlockMayBeFreedByAnotherThread) {
  CachingAllocator allocator(make_mmap_source());
  void* a = allocator.allocate(1000, Category::gradient);
  std::thread([&] { allocator.free(a, 1000, Category::gradient); }).join();
  EXPECT_EQ(allocator.stats().total_live, 0u);
}

TEST(Allocator, TheProcessAllocatorCountsAcrossThreadsAndTheirEnds) {
  CachingAllocator& allocator = cpu_allocator();
  const MemoryStats before = allocator.stats();
  std::vector<void*> blocks(500);
  std::thread([&] {
    for (void*& b : blocks) b = allocator.allocate(1000, Category::communication);
    EXPECT_EQ(allocator.stats().allocations, before.allocations + 500);
  }).join();
  const auto category = static_cast<std::size_t>(Category::communication);
  const MemoryStats held = allocator.stats();
  EXPECT_GE(held.live[category], before.live[category] + 500000);
  EXPECT_GE(held.peak_live, held.total_live);
  std::thread([&] {
    for (void* b : blocks) allocator.free(b, 1000, Category::communication);
  }).join();
  EXPECT_EQ(allocator.stats().live, before.live);
  EXPECT_EQ(allocator.stats().total_live, before.total_live);
  const std::uint64_t calls = allocator.stats().system_calls;
  for (void*& b : blocks) b = allocator.allocate(1000, Category::communication);
  EXPECT_EQ(allocator.stats().system_calls, calls) << "blocks of ended threads are used again";
  for (void* b : blocks) allocator.free(b, 1000, Category::communication);
}

TEST(Allocator, ALimitThatIsSetLaterHoldsForSmallBlocksToo) {
  CachingAllocator& allocator = cpu_allocator();
  void* first = allocator.allocate(64, Category::other);
  allocator.set_limit(allocator.stats().total_live);
  EXPECT_THROW((void)allocator.allocate(64, Category::other), OutOfMemoryError);
  allocator.set_limit(0);
  allocator.free(first, 64, Category::other);
}

}  // namespace
}  // namespace athanor
