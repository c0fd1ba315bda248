#include "athanor/data/loader.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "athanor/data/sampler.hpp"
#include "support.hpp"

namespace athanor::data {
namespace {

struct Buffer {
  explicit Buffer(std::size_t size) : values(size) {}
  std::vector<double> values;
};
using Loader = DataLoader<Buffer>;

LoaderOptions options_of(int workers) {
  LoaderOptions options;
  options.batch_size = 7;
  options.workers = workers;
  options.prefetch = 3;
  options.seed = 42;
  return options;
}

// Writes a value that depends on the index and on the sample's random numbers.
Loader loader_of(LoaderOptions options, std::int64_t count) {
  const auto size = static_cast<std::size_t>(options.batch_size);
  return Loader(
      options, count,
      [](std::int64_t index, std::int64_t slot, Random& random, Buffer& buffer) {
        buffer.values[static_cast<std::size_t>(slot)] =
            static_cast<double>(index) + random.uniform() * 0.5 + random.uniform() * 0.25;
      },
      [size] { return std::make_unique<Buffer>(size); });
}

std::vector<std::vector<double>> run(Loader& loader, std::int64_t epoch, std::int64_t batch = 0) {
  std::vector<std::vector<double>> result;
  loader.start_epoch(epoch, batch);
  while (auto ready = loader.next()) {
    EXPECT_EQ(ready->number, batch + static_cast<std::int64_t>(result.size()));
    auto& values = ready->buffer->values;
    result.emplace_back(values.begin(), values.begin() + ready->size());
    // Whole part: the index; the rest: the random numbers.
    for (std::int64_t i = 0; i < ready->size(); ++i)
      EXPECT_EQ(static_cast<std::int64_t>(values[static_cast<std::size_t>(i)]),
                ready->indices[static_cast<std::size_t>(i)]);
  }
  EXPECT_FALSE(loader.next());
  return result;
}

TEST(EpochOrder, IsAPermutationAndAPureFunction) {
  for (const std::int64_t n : {0, 1, 2, 3, 100}) {
    const EpochOrder order(n, 7, 3), again(n, 7, 3);
    std::set<std::int64_t> seen(order.indices().begin(), order.indices().end());
    EXPECT_EQ(static_cast<std::int64_t>(seen.size()), n);
    if (n > 0) {
      EXPECT_EQ(*seen.begin(), 0);
      EXPECT_EQ(*seen.rbegin(), n - 1);
    }
    EXPECT_TRUE(
        std::equal(order.indices().begin(), order.indices().end(), again.indices().begin()));
  }
  const EpochOrder a(100, 7, 3), b(100, 7, 4), c(100, 8, 3), plain(5, 7, 3, false);
  EXPECT_FALSE(std::equal(a.indices().begin(), a.indices().end(), b.indices().begin()));
  EXPECT_FALSE(std::equal(a.indices().begin(), a.indices().end(), c.indices().begin()));
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(plain[i], i);
}

TEST(EpochOrder, AllPermutationsOfThreeAreEquallyLikely) {
  std::map<std::vector<std::int64_t>, int> counts;
  constexpr int kDraws = 6000;
  for (int epoch = 0; epoch < kDraws; ++epoch) {
    const EpochOrder order(3, 1, epoch);
    ++counts[{order[0], order[1], order[2]}];
  }
  ASSERT_EQ(counts.size(), 6u);
  double chi = 0;
  for (const auto& [order, count] : counts) chi += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi, 25.7);  // chi-square with 5 degrees of freedom, p = 0.0001
}

TEST(DataLoader, GivesTheSameForAnyNumberOfWorkers) {
  Loader here = loader_of(options_of(0), 100);
  const auto expected = run(here, 5);
  ASSERT_EQ(expected.size(), 15u);
  EXPECT_EQ(expected.back().size(), 2u);
  for (const int workers : {1, 2, 4}) {
    Loader loader = loader_of(options_of(workers), 100);
    EXPECT_EQ(run(loader, 5), expected) << workers;
    EXPECT_NE(run(loader, 6), expected) << workers;
    EXPECT_EQ(run(loader, 5), expected) << workers;
  }
}

TEST(DataLoader, ResumingAnywhereContinuesTheSameEpoch) {
  for (const int workers : {0, 3}) {
    Loader loader = loader_of(options_of(workers), 50);
    const auto whole = run(loader, 2);
    for (std::int64_t batch = 0; batch <= loader.batches(); ++batch) {
      const auto rest = run(loader, 2, batch);
      EXPECT_EQ(rest, std::vector(whole.begin() + batch, whole.end()));
    }
  }
}

TEST(DataLoader, EverySampleComesOnceAndInOrderWithoutShuffling) {
  LoaderOptions options = options_of(2);
  options.shuffle = false;
  Loader loader = loader_of(options, 20);
  loader.start_epoch(0);
  std::int64_t expected = 0;
  while (const auto batch = loader.next())
    for (const std::int64_t index : batch->indices) EXPECT_EQ(index, expected++);
  EXPECT_EQ(expected, 20);
}

TEST(DataLoader, DropLastLeavesOutTheShortBatch) {
  for (const int workers : {0, 2}) {
    LoaderOptions options = options_of(workers);
    options.drop_last = true;
    Loader loader = loader_of(options, 20);
    EXPECT_EQ(loader.batches(), 2);
    const auto batches = run(loader, 0);
    ASSERT_EQ(batches.size(), 2u);
    EXPECT_EQ(batches[1].size(), 7u);
  }
}

TEST(DataLoader, AnExceptionOfAWorkerReachesTheCallerAtItsBatch) {
  for (const int workers : {0, 1, 4}) {
    LoaderOptions options = options_of(workers);
    options.shuffle = false;
    Loader loader(
        options, 70,
        [](std::int64_t index, std::int64_t, Random&, Buffer&) {
          if (index == 30 || index == 33) raise<FormatError>("picture {} is damaged", index);
        },
        [] { return std::make_unique<Buffer>(7); });
    for (int round = 0; round < 3; ++round) {
      loader.start_epoch(round);
      for (int batch = 0; batch < 4; ++batch) EXPECT_TRUE(loader.next());
      for (int repeat = 0; repeat < 2; ++repeat) {
        try {
          loader.next();
          ADD_FAILURE() << "no exception";
        } catch (const FormatError& error) {
          EXPECT_STREQ(error.what(), "picture 30 is damaged");
        }
      }
    }
  }
}

TEST(DataLoader, StoppingInTheMiddleNeverHangs) {
  for (int round = 0; round < 20; ++round) {
    Loader loader = loader_of(options_of(4), 1000);
    loader.start_epoch(round);
    for (int batch = 0; batch < round % 4; ++batch) loader.next();
    if (round % 2) loader.start_epoch(round + 1, 3);
  }
  // Never started, and nothing to load.
  {
    Loader loader = loader_of(options_of(4), 1000);
  }
  Loader empty = loader_of(options_of(2), 0);
  empty.start_epoch(0);
  EXPECT_FALSE(empty.next());
}

TEST(DataLoader, LoadsAheadNoMoreThanPrefetchAndUsesBuffersAgain) {
  std::atomic<int> made{0};
  std::atomic<std::int64_t> loaded{0};
  LoaderOptions options = options_of(2);
  Loader loader(
      options, 700, [&](std::int64_t, std::int64_t, Random&, Buffer&) { ++loaded; },
      [&] {
        ++made;
        return std::make_unique<Buffer>(7);
      });
  loader.start_epoch(0);
  std::int64_t taken = 0;
  while (const auto batch = loader.next()) {
    ++taken;
    EXPECT_LE(loaded, (taken + options.prefetch) * 7);
  }
  EXPECT_EQ(taken, 100);
  EXPECT_LE(made, options.prefetch + 2);
}

TEST(DataLoader, ABatchMayOutliveItsLoader) {
  std::optional<Loader::Batch> kept;
  {
    Loader loader = loader_of(options_of(2), 50);
    loader.start_epoch(0);
    kept = loader.next();
  }
  EXPECT_EQ(static_cast<std::int64_t>(kept->buffer->values[0]), kept->indices[0]);
}

TEST(DataLoader, SlotsOfOneBatchAreSharedByTheWorkers) {
  // Each sample waits until another one of the same batch is being loaded too.
  LoaderOptions options = options_of(2);
  options.batch_size = 2;
  options.prefetch = 1;
  std::atomic<int> inside{0};
  Loader loader(
      options, 2,
      [&](std::int64_t, std::int64_t, Random&, Buffer&) {
        ++inside;
        while (inside < 2) std::this_thread::yield();
      },
      [] { return std::make_unique<Buffer>(2); });
  loader.start_epoch(0);
  EXPECT_TRUE(loader.next());
}

TEST(DataLoader, OptionsThatMakeNoSenseAreRefused) {
  const auto bad = [](auto change) {
    LoaderOptions options = options_of(0);
    change(options);
    EXPECT_THROW(loader_of(options, 10), ValueError);
  };
  bad([](LoaderOptions& o) { o.workers = -1; });
  bad([](LoaderOptions& o) { o.prefetch = 0; });
  EXPECT_THROW(loader_of(options_of(0), -1), ValueError);
  Loader loader = loader_of(options_of(0), 10);
  EXPECT_THROW(loader.next(), ValueError);
  EXPECT_THROW(loader.start_epoch(0, 3), ValueError);
}

}  // namespace
}  // namespace athanor::data
