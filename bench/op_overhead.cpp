#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "athanor/base/parallel.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/operators.hpp"

// What a small op costs from C++, and the pointwise kernels on large tensors. Prints one JSON line
// for each workload; bench/op_overhead_torch.cpp measures the same with libtorch.
// usage: op_overhead [THREADS]
namespace {

using namespace athanor;
using Clock = std::chrono::steady_clock;

// The best of several rounds: what the code costs when nothing else runs.
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
  if (argc > 1) set_compute_threads(std::atoi(argv[1]));
  const Tensor a = Tensor::ones({4}), b = Tensor::ones({4});
  const Tensor m = Tensor::ones({4, 4});
  {
    const NoGrad off;
    measure("add of 4, gradients off", 20000, [&] { (void)ops::add(a, b); });
    measure("matmul of 4x4, gradients off", 20000, [&] { (void)ops::matmul(m, m); });
    measure("add of [3,4] and [4], gradients off", 20000,
            [&, c = Tensor::ones({3, 4})] { (void)ops::add(c, a); });
  }
  const Tensor w = Tensor::ones({4}).set_requires_grad();
  const Tensor v = Tensor::ones({4, 4}).set_requires_grad();
  measure("add of 4, gradients on", 20000, [&] { (void)ops::add(a, w); });
  measure("mul of 4, gradients on", 20000, [&] { (void)ops::mul(a, w); });
  measure("matmul of 4x4, gradients on", 20000, [&] { (void)ops::matmul(m, v); });

  const NoGrad off;
  constexpr std::int64_t n = 10000000;
  const Tensor x = ops::random_normal({n}, 1, 1), y = ops::random_normal({n}, 1, 2);
  const Tensor row = ops::random_normal({100}, 1, 3);
  const Tensor xs[] = {x, y};
  const Expr p = Expr::argument(0), q = Expr::argument(1), s = p * q + p;
  const Expr chain = 0.5 * s * (1.0 + erf(s * 0.70710678118654752));
  measure("add of 1e7", 5, [&] { (void)ops::add(x, y); });
  measure("relu of 1e7", 5, [&] { (void)ops::relu(x); });
  measure("exp of 1e7", 5, [&] { (void)ops::exp(x); });
  measure("tanh of 1e7", 5, [&] { (void)ops::tanh(x); });
  measure("gelu of 1e7", 5, [&] { (void)ops::gelu(x); });
  measure("gelu(a*b+a) of 1e7", 5, [&] { (void)ops::pointwise(xs, chain); });
  measure("add of [1e5,100] and [100]", 5,
          [&] { (void)ops::add(x.view_as({100000, 100}, {100, 1}, 0), row); });
  measure("randn of 1e7", 5, [&] { (void)ops::random_normal({n}, 1, 1); });
  measure("rand of 1e7", 5, [&] { (void)ops::random_uniform({n}, 1, 1); });
  measure("dropout of 1e7", 5, [&] { (void)ops::dropout(x, 0.5, 1, 1); });
  measure("f32 to f16 of 1e7", 5, [&] { (void)ops::cast(x, DType::f16); });
  measure("f16 to f32 of 1e7", 5,
          [&, h = ops::cast(x, DType::f16)] { (void)ops::cast(h, DType::f32); });
  const Tensor image = x.view_as({32, 64, 56, 56}, {200704, 3136, 56, 1}, 0);
  measure("NCHW to NHWC of [32,64,56,56]", 5, [&] { (void)ops::channels_last(image); });
}
