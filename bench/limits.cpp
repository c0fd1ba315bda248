// What this machine can do at most, the floor that other rows are held against: one JSON line
// {"limit", "rate"} for f32 multiply-adds (GFLOP/s, in registers) and for memory (GB/s of reading
// and of a[i] = b[i] + s * c[i], over data of several sizes, as caches keep the smaller ones;
// counted as STREAM does: three numbers moved for each i).
//
// bench_limits [--seconds S] [--threads N] [LIMIT...]
#include <cstdio>

#include "athanor/base/parallel.hpp"
#include "bench/program.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/limits.cpp"
#include <hwy/aligned_allocator.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace athanor::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

// Twelve sums that do not wait for each other hide the latency of a multiply-add. Returns the
// floating-point operations done.
double multiply_add(std::int64_t rounds, float* out) {
  const D d;
  const auto b = hn::Set(d, 0.9999f), c = hn::Set(d, 1e-4f);
  auto s0 = hn::Set(d, 1.0f), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0,
       s8 = s0, s9 = s0, s10 = s0, s11 = s0;
  for (std::int64_t i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, b, c), s1 = hn::MulAdd(s1, b, c), s2 = hn::MulAdd(s2, b, c);
    s3 = hn::MulAdd(s3, b, c), s4 = hn::MulAdd(s4, b, c), s5 = hn::MulAdd(s5, b, c);
    s6 = hn::MulAdd(s6, b, c), s7 = hn::MulAdd(s7, b, c), s8 = hn::MulAdd(s8, b, c);
    s9 = hn::MulAdd(s9, b, c), s10 = hn::MulAdd(s10, b, c), s11 = hn::MulAdd(s11, b, c);
#if defined(__GNUC__)
    // Sums that start equal stay equal: the compiler must not see it.
    asm volatile("" : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5));
    asm volatile("" : "+v"(s6), "+v"(s7), "+v"(s8), "+v"(s9), "+v"(s10), "+v"(s11));
#endif
  }
  const auto all =
      hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  *out += hn::GetLane(hn::Add(all, hn::Add(hn::Add(s8, s9), hn::Add(s10, s11))));
  return static_cast<double>(rounds) * 12 * 2 * static_cast<double>(hn::Lanes(d));
}

void read(const float* a, std::int64_t n, float* out) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  for (std::int64_t i = 0; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, a + i));
    s1 = hn::Add(s1, hn::LoadU(d, a + i + lanes));
    s2 = hn::Add(s2, hn::LoadU(d, a + i + 2 * lanes));
    s3 = hn::Add(s3, hn::LoadU(d, a + i + 3 * lanes));
  }
  *out += hn::GetLane(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

void triad(float* a, const float* b, const float* c, std::int64_t n) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto s = hn::Set(d, 3.0f);
  for (std::int64_t i = 0; i + lanes <= n; i += lanes)
    hn::StoreU(hn::MulAdd(s, hn::LoadU(d, c + i), hn::LoadU(d, b + i)), d, a + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::bench {
namespace {

HWY_EXPORT(multiply_add);
HWY_EXPORT(read);
HWY_EXPORT(triad);

void print(const char* limit, double rate) {
  std::printf("{\"limit\": \"%s\", \"rate\": %.1f}\n", limit, rate);
  std::fflush(stdout);
}

// The best sample: a limit is what the machine does when nothing disturbs it.
template <class F>
double best_milliseconds(double seconds, const F& f) {
  return measure(seconds, f).best;
}

// Three arrays, `mebibytes` together.
void memory(const Options& options, std::int64_t mebibytes) {
  const std::int64_t count = (mebibytes << 20) / 12;
  const auto a = hwy::AllocateAligned<float>(static_cast<std::size_t>(count)),
             b = hwy::AllocateAligned<float>(static_cast<std::size_t>(count)),
             c = hwy::AllocateAligned<float>(static_cast<std::size_t>(count));
  const std::int64_t grain = (count + compute_threads() - 1) / compute_threads();
  for (float* p : {a.get(), b.get(), c.get()})
    parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      std::fill(p + begin, p + end, 1.0f);
    });
  const double bytes = 3 * static_cast<double>(count) * sizeof(float);
  const auto rate = [&](const char* kind, const auto& f) {
    const std::string limit = std::string(kind) + "_" + std::to_string(mebibytes) + "MiB";
    if (!options.wants(limit)) return;
    const double milliseconds =
        best_milliseconds(options.seconds, [&] { parallel_for(count, grain, f); });
    print(limit.c_str(), bytes / 1e6 / milliseconds);
  };
  rate("read", [&](std::int64_t begin, std::int64_t end) {
    float sum = 0;
    for (const float* p : {a.get(), b.get(), c.get()})
      HWY_DYNAMIC_DISPATCH(read)(p + begin, end - begin, &sum);
    volatile float sink = sum;
    (void)sink;
  });
  rate("triad", [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(triad)
    (a.get() + begin, b.get() + begin, c.get() + begin, end - begin);
  });
}

}  // namespace
}  // namespace athanor::bench

int main(int argc, char** argv) {
  using namespace athanor;         // NOLINT: a program, not a library
  using namespace athanor::bench;  // NOLINT
  const Options options = read_options(argc, argv, 1);
  if (options.wants("multiply_add")) {
    double operations = 0;
    const double milliseconds = best_milliseconds(options.seconds, [&] {
      std::vector<double> done(static_cast<std::size_t>(compute_threads()));
      parallel_for(compute_threads(), 1, [&](std::int64_t begin, std::int64_t) {
        float sum = 0;
        done[static_cast<std::size_t>(begin)] = HWY_DYNAMIC_DISPATCH(multiply_add)(2000000, &sum);
        volatile float sink = sum;
        (void)sink;
      });
      operations = 0;
      for (double d : done) operations += d;
    });
    print("multiply_add", operations / 1e6 / milliseconds);
  }
  for (std::int64_t mebibytes : {12, 24, 48, 96, 768}) memory(options, mebibytes);
}
#endif
