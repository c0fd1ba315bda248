#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

// The workloads of op_overhead.cpp with libtorch. usage: op_overhead_torch [THREADS]
namespace {

using Clock = std::chrono::steady_clock;

template <class F>
void measure(const char* name, int repeats, const F& f) {
  double best = 1e300;
  for (int round = 0; round < 9; ++round) {
    const auto start = Clock::now();
    for (int i = 0; i < repeats; ++i) f();
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    best = std::min(best, time.count() / repeats);
  }
  std::printf("{\"workload\":\"%s\",\"ns\":%.1f}\n", name, best);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) torch::set_num_threads(std::atoi(argv[1]));
  const torch::Tensor a = torch::ones({4}), b = torch::ones({4}), m = torch::ones({4, 4});
  {
    const torch::NoGradGuard off;
    measure("add of 4, gradients off", 20000, [&] { (void)torch::add(a, b); });
    measure("matmul of 4x4, gradients off", 20000, [&] { (void)torch::matmul(m, m); });
    const torch::Tensor c = torch::ones({3, 4});
    measure("add of [3,4] and [4], gradients off", 20000, [&] { (void)torch::add(c, a); });
  }
  const torch::Tensor w = torch::ones({4}).set_requires_grad(true);
  const torch::Tensor v = torch::ones({4, 4}).set_requires_grad(true);
  measure("add of 4, gradients on", 20000, [&] { (void)torch::add(a, w); });
  measure("mul of 4, gradients on", 20000, [&] { (void)torch::mul(a, w); });
  measure("matmul of 4x4, gradients on", 20000, [&] { (void)torch::matmul(m, v); });

  const torch::NoGradGuard off;
  constexpr std::int64_t n = 10000000;
  const torch::Tensor x = torch::randn({n}), y = torch::randn({n}), row = torch::randn({100});
  measure("add of 1e7", 5, [&] { (void)torch::add(x, y); });
  measure("relu of 1e7", 5, [&] { (void)torch::relu(x); });
  measure("exp of 1e7", 5, [&] { (void)torch::exp(x); });
  measure("tanh of 1e7", 5, [&] { (void)torch::tanh(x); });
  measure("gelu of 1e7", 5, [&] { (void)torch::gelu(x); });
  measure("gelu(a*b+a) of 1e7", 5, [&] { (void)torch::gelu(x * y + x); });
  measure("add of [1e5,100] and [100]", 5, [&] { (void)torch::add(x.view({100000, 100}), row); });
  measure("randn of 1e7", 5, [&] { (void)torch::randn({n}); });
  measure("rand of 1e7", 5, [&] { (void)torch::rand({n}); });
  measure("dropout of 1e7", 5, [&] { (void)torch::dropout(x, 0.5, true); });
  measure("f32 to f16 of 1e7", 5, [&] { (void)x.to(torch::kHalf); });
  const torch::Tensor h = x.to(torch::kHalf);
  measure("f16 to f32 of 1e7", 5, [&] { (void)h.to(torch::kFloat); });
  const torch::Tensor image = x.slice(0, 0, 32 * 64 * 56 * 56).view({32, 64, 56, 56});
  measure("NCHW to NHWC of [32,64,56,56]", 5,
          [&] { (void)image.contiguous(torch::MemoryFormat::ChannelsLast); });
}
