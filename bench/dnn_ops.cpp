// Times the ops that networks of pictures spend their time in: one JSON line {"workload", "ms",
// "ms_best"} for each. dnn_ops.py runs it by turns with PyTorch.
//
// bench_dnn_ops [--seconds S] [--threads N] [WORKLOAD...]
#include <cstdio>
#include <string>

#include "athanor/op/dispatch.hpp"
#include "athanor/ops/ops.hpp"
#include "bench/program.hpp"

namespace {

using namespace athanor;  // NOLINT: a program, not a library

struct Bench {
  bench::Options options;

  template <class F>
  void operator()(const std::string& workload, const F& f) const {
    if (!options.wants(workload)) return;
    const bench::Times times = bench::measure(options.seconds, f);
    std::printf("{\"workload\": \"%s\", \"ms\": %.6f, \"ms_best\": %.6f}\n", workload.c_str(),
                times.median, times.best);
    std::fflush(stdout);
  }
};

Tensor random(const Shape& shape) { return ops::random_normal(shape, 1, 1); }
Tensor picture(const Shape& shape) { return ops::channels_last(random(shape)); }

// Forward and both gradients of one convolution.
void convolution(const Bench& bench, const std::string& name, const Shape& shape,
                 const Shape& weight, std::int64_t stride, std::int64_t padding,
                 std::int64_t groups) {
  const Tensor x = picture(shape), w = random(weight);
  const Dims s{stride, stride}, p{padding, padding};
  const Tensor g = picture(ops::conv2d(x, w, {}, s, p, {1, 1}, groups).shape());
  bench(name, [&] { return ops::conv2d(x, w, {}, s, p, {1, 1}, groups); });
  bench(name + "_input_grad",
        [&] { return ops::conv2d_input_grad(g, w, shape[2], shape[3], s, p, {1, 1}, groups); });
  bench(name + "_weight_grad", [&] {
    return ops::conv2d_weight_grad(x, g, {weight[2], weight[3]}, s, p, {1, 1}, groups);
  });
}

void normalisation(const Bench& bench, const std::string& name, const Shape& shape,
                   const std::string& activation) {
  const Tensor x = picture(shape), g = picture(shape), w = Tensor::ones({shape[1]}),
               b = Tensor::zeros({shape[1]});
  const auto [y, mean, variance] = ops::batch_norm_train(x, w, b);
  bench(name, [&] { return ops::batch_norm_train(x, w, b, 1e-5, activation); });
  bench(name + "_grad", [&, m = mean, v = variance] {
    return ops::batch_norm_train_grad(x, g, w, b, m, v, 1e-5, activation);
  });
}

void layer_normalisation(const Bench& bench, std::int64_t rows, std::int64_t width) {
  const std::string name = "layernorm_" + std::to_string(rows) + "x" + std::to_string(width);
  const Tensor x = random({rows, width}), g = random({rows, width}), w = Tensor::ones({width}),
               b = Tensor::zeros({width});
  bench(name, [&] { return ops::layer_norm(x, w, b); });
  bench(name + "_grad", [&] { return ops::layer_norm_grad(x, g, w); });
}

void attention(const Bench& bench, const std::string& name, const Shape& shape, bool causal) {
  const Tensor q = random(shape), k = random(shape), v = random(shape), g = random(shape);
  const auto [y, log_sum] = ops::attention_forward(q, k, v, {}, causal);
  bench(name, [&] { return ops::attention(q, k, v, {}, causal); });
  bench(name + "_grad", [&, y = y, log_sum = log_sum] {
    return ops::attention_grad(g, q, k, v, y, log_sum, {}, {}, causal);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const Bench bench{bench::read_options(argc, argv, 0.5)};
  const NoGrad no_grad;
  for (const std::int64_t n : {4, 64, 128, 256, 512, 1024}) {
    const Tensor a = random({n, n}), b = random({n, n});
    bench("sgemm_" + std::to_string(n), [&] { return ops::matmul(a, b); });
  }
  const Tensor row = random({1, 768}), wide = random({768, 3072});
  bench("gemv_768x3072", [&] { return ops::matmul(row, wide); });
  const Tensor left = random({96, 128, 64}), right = random({96, 64, 128});
  bench("bmm_96x128x64x128", [&] { return ops::matmul(left, right); });
  const Tensor rows = random({128, 784}), weight = random({512, 784}), bias = random({512});
  bench("linear_128x784x512", [&] { return ops::linear(rows, weight, bias); });
  convolution(bench, "conv7x7_3_64_224", {16, 3, 224, 224}, {64, 3, 7, 7}, 2, 3, 1);
  convolution(bench, "conv3x3_1_32_28", {128, 1, 28, 28}, {32, 1, 3, 3}, 1, 0, 1);
  convolution(bench, "conv3x3_3_32_224", {16, 3, 224, 224}, {32, 3, 3, 3}, 2, 1, 1);
  convolution(bench, "conv3x3_64_56", {16, 64, 56, 56}, {64, 64, 3, 3}, 1, 1, 1);
  convolution(bench, "conv1x1_256_64_56", {16, 256, 56, 56}, {64, 256, 1, 1}, 1, 0, 1);
  convolution(bench, "conv3x3_512_7", {16, 512, 7, 7}, {512, 512, 3, 3}, 1, 1, 1);
  convolution(bench, "conv1x1_24_144_56", {16, 24, 56, 56}, {144, 24, 1, 1}, 1, 0, 1);
  convolution(bench, "depthwise_144_56", {16, 144, 56, 56}, {144, 1, 3, 3}, 1, 1, 144);
  convolution(bench, "depthwise_96_112_stride2", {16, 96, 112, 112}, {96, 1, 3, 3}, 2, 1, 96);
  convolution(bench, "depthwise_384_14", {16, 384, 14, 14}, {384, 1, 3, 3}, 1, 1, 384);
  normalisation(bench, "batchnorm_64_56", {16, 64, 56, 56}, "none");
  normalisation(bench, "batchnorm_relu6_96_112", {16, 96, 112, 112}, "relu6");
  normalisation(bench, "batchnorm_relu6_384_14", {16, 384, 14, 14}, "relu6");
  const Tensor x = picture({16, 64, 112, 112}), g = picture({16, 64, 56, 56});
  bench("maxpool3x3_64_112", [&] { return ops::max_pool2d(x, {3, 3}, {2, 2}, {1, 1}); });
  bench("maxpool3x3_64_112_grad",
        [&] { return ops::max_pool2d_grad(x, g, {3, 3}, {2, 2}, {1, 1}); });
  const Tensor z = picture({16, 64, 56, 56}), h = picture({16, 64, 28, 28});
  bench("maxpool2x2_64_56", [&] { return ops::max_pool2d(z, {2, 2}, {2, 2}); });
  bench("maxpool2x2_64_56_grad", [&] { return ops::max_pool2d_grad(z, h, {2, 2}, {2, 2}); });
  const Tensor last = picture({16, 1280, 7, 7});
  layer_normalisation(bench, 2048, 384);
  layer_normalisation(bench, 4096, 768);
  attention(bench, "attention_8x6x256x64_causal", {8, 6, 256, 64}, true);
  attention(bench, "attention_2x12x1024x64", {2, 12, 1024, 64}, false);
  bench("global_avg_1280_7", [&] { return ops::global_avg_pool2d(last); });
}
