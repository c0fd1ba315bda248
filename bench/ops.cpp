// Times single ops on large tensors: one JSON line {"workload", "size", "ms", "ms_best"} for each,
// the median and the best of the repetitions. ops.py runs it by turns with PyTorch.
//
// bench_ops [--seconds S] [--threads N] [--processor] [WORKLOAD...]
// --processor counts processor time in place of wall time: for one thread on a machine that is
// busy.
#include <cstdio>
#include <string>
#include <vector>

#include "athanor/autograd/autograd.hpp"
#include "athanor/ops/operators.hpp"
#include "bench/program.hpp"

namespace {

using namespace athanor;  // NOLINT: a program, not a library
class Bench {
 public:
  explicit Bench(bench::Options options) : options_(std::move(options)) {}

  template <class F>
  void run(const std::string& workload, std::int64_t size, const F& f) const {
    if (!options_.wants(workload)) return;
    const bench::Times times = bench::measure(options_.seconds, f);
    std::printf("{\"workload\": \"%s\", \"size\": %lld, \"ms\": %.6f, \"ms_best\": %.6f}\n",
                workload.c_str(), static_cast<long long>(size), times.median, times.best);
    std::fflush(stdout);
  }

 private:
  bench::Options options_;
};

Expr gelu_of(const Expr& x) { return 0.5 * x * (1.0 + erf(x * 0.70710678118654752)); }

void run_all(const Bench& bench) {
  const NoGrad no_grad;
  for (const std::int64_t n : {std::int64_t{1'000'000}, std::int64_t{10'000'000}}) {
    const Tensor a = ops::random_normal({n}, 0, 0), b = ops::random_normal({n}, 0, 1);
    const Tensor rows = ops::reshape(a, {-1, 1000}), turned = ops::permute(rows, {1, 0});
    const Tensor few = ops::reshape(a, {-1, 10}), image = ops::reshape(a, {-1, 50});
    const Expr x = Expr::argument(0), y = Expr::argument(1);
    const Expr chain = gelu_of(x * y + x);
    const std::vector<Tensor> both{a, b};
    bench.run("add", n, [&] { return ops::add(a, b); });
    bench.run("sum", n, [&] { return ops::sum(a); });
    bench.run("sum_rows1000", n, [&] { return ops::sum(rows, {1}); });
    bench.run("sum_columns50", n, [&] { return ops::sum(image, {0}); });
    bench.run("sum_columns1000", n, [&] { return ops::sum(rows, {0}); });
    bench.run("amax_rows1000", n, [&] { return ops::amax(rows, {1}); });
    bench.run("argmax_rows10", n, [&] { return ops::argmax(few); });
    bench.run("softmax_rows1000", n, [&] { return ops::softmax(rows); });
    bench.run("log_softmax_rows1000", n, [&] { return ops::log_softmax(rows); });
    bench.run("softmax_rows10", n, [&] { return ops::softmax(few); });
    bench.run("tanh", n, [&] { return ops::tanh(a); });
    bench.run("gelu", n, [&] { return ops::gelu(a); });
    bench.run("chain", n, [&] { return ops::pointwise(both, chain); });
    std::int64_t stream = 0;
    bench.run("dropout", n, [&] { return ops::dropout(a, 0.1, 7, ++stream); });
    bench.run("randn", n, [&] { return ops::random_normal({n}, 7, ++stream); });
    bench.run("transpose_copy", n, [&] { return ops::contiguous(turned); });
  }
  const Tensor logits = ops::random_normal({128, 10}, 0, 2);
  std::vector<std::int64_t> classes;
  for (std::int64_t i = 0; i < 128; ++i) classes.push_back(i * 7 % 10);
  const Tensor target = Tensor::from(classes, {128});
  bench.run("cross_entropy", 1280, [&] { return ops::cross_entropy(logits, target); });
  bench.run("cross_entropy_step", 1280, [&] {
    const GradMode on(true);
    const Tensor leaf = logits.detach().set_requires_grad();
    autograd::backward(ops::cross_entropy(leaf, target));
  });
}

}  // namespace

int main(int argc, char** argv) { run_all(Bench(bench::read_options(argc, argv, 0.3))); }
