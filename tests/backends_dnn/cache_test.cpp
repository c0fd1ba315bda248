#include <thread>

#include "athanor/backends/cpu/dnnl.hpp"
#include "support.hpp"

namespace athanor::testing {
namespace {

namespace onednn = backends::cpu::onednn;

// Restores the limits that the program has.
struct CacheGuard {
  CacheGuard() { onednn::clear_caches(); }
  ~CacheGuard() {
    onednn::set_cache_limits({});
    onednn::clear_caches();
  }
};

std::size_t resident_bytes() {
  std::size_t pages = 0, resident = 0;
  if (FILE* f = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(f, "%zu %zu", &pages, &resident) != 2) resident = 0;
    std::fclose(f);
  }
  return resident * 4096;
}

TEST(PrimitiveCache, ASecondCallOfTheSameShapeFindsItsPrimitive) {
  const CacheGuard guard;
  const Tensor x = nhwc(wave({1, 16, 6, 6}, 0.1)), w = wave({16, 16, 3, 3}, 0.2);
  const Tensor first = ops::conv2d(x, w);
  const backends::cpu::CacheStats before = onednn::primitive_stats();
  const Tensor second = ops::conv2d(x, w);
  const backends::cpu::CacheStats after = onednn::primitive_stats();
  EXPECT_EQ(after.hits, before.hits + 1);
  EXPECT_EQ(after.misses, before.misses);
  expect_same_bits(first, second, "cached");
}

TEST(PrimitiveCache, TenThousandShapesKeepMemoryFlat) {
  const CacheGuard guard;
  onednn::set_cache_limits({.primitives = 64, .weights = 64, .weight_bytes = 1 << 20});
  const Tensor w = wave({8, 8, 1, 1}, 0.2);
  std::size_t settled = 0;
  for (std::int64_t i = 0; i < 10000; ++i) {
    const Shape shape{1, 8, 1 + i % 100, 1 + i / 100};
    const Tensor x = Tensor::empty_strided(shape, channels_last_strides(shape), DType::f32);
    x.fill(1);
    (void)ops::conv2d(x, w);
    if (i == 1000) settled = resident_bytes();
  }
  const backends::cpu::CacheStats stats = onednn::primitive_stats();
  EXPECT_LE(stats.entries, 64u);
  EXPECT_GE(stats.evictions, 9000u);
  EXPECT_LT(resident_bytes(), settled + (std::size_t{48} << 20));
}

TEST(WeightCache, KeepsAWeightThatIsUsedTwiceAndForgetsOneThatChanged) {
  const CacheGuard guard;
  const Tensor x = nhwc(wave({1, 32, 6, 6}, 0.1)), w = wave({32, 32, 3, 3}, 0.2);
  const Tensor first = ops::conv2d(x, w);
  EXPECT_EQ(onednn::weight_stats().bytes, 0u);
  const Tensor second = ops::conv2d(x, w);
  const std::size_t kept = onednn::weight_stats().bytes;
  EXPECT_GE(kept, 32u * 32 * 9 * 4);
  expect_same_bits(first, second, "packed");
  expect_same_bits(first, ops::conv2d(x, w), "from the cache");
  w.fill(0);
  for (float v : ops::conv2d(x, w).to_vector<float>()) ASSERT_EQ(v, 0);
  EXPECT_EQ(onednn::weight_stats().bytes, 0u);
}

TEST(WeightCache, StaysWithinItsBytes) {
  const CacheGuard guard;
  onednn::set_cache_limits({.primitives = 64, .weights = 100, .weight_bytes = 100000});
  const Tensor x = nhwc(wave({1, 32, 6, 6}, 0.1));
  for (int i = 0; i < 10; ++i) {
    const Tensor w = wave({32, 32, 3, 3}, i);
    for (int k = 0; k < 3; ++k) (void)ops::conv2d(x, w);
    EXPECT_LE(onednn::weight_stats().bytes, 100000u);
  }
}

TEST(PrimitiveCache, ManyThreadsMayComputeAtOnce) {
  const CacheGuard guard;
  onednn::set_cache_limits({.primitives = 4, .weights = 2, .weight_bytes = 1 << 16});
  const Tensor w = wave({16, 16, 3, 3}, 0.2);
  std::vector<Tensor> inputs, wanted;
  for (std::int64_t i = 0; i < 8; ++i) {
    inputs.push_back(nhwc(wave({1, 16, 5 + i, 6}, 0.1)));
    wanted.push_back(ops::conv2d(inputs.back(), w));
  }
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const auto k = static_cast<std::size_t>((i * 3 + t) % 8);
        const auto got = ops::conv2d(inputs[k], w).to_vector<float>();
        const auto want = wanted[k].to_vector<float>();
        for (std::size_t q = 0; q < got.size(); ++q)
          if (std::fabs(got[q] - want[q]) > 1e-4f) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace athanor::testing
