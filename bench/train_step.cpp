// Times whole training steps: zero_grad, forward, cross entropy, backward, SGD with momentum. One
// JSON line {"workload", "batch", "ms", "ms_best"} for each; train_step.py runs it by turns with
// PyTorch.
//
// bench_train_step [--seconds S] [--threads N] [--deterministic] [WORKLOAD...]
#include <cstdio>
#include <string>
#include <vector>

#include "athanor/autograd/autograd.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/optim/optimizer.hpp"
#include "athanor/vision/models/model.hpp"
#include "bench/program.hpp"

namespace {

using namespace athanor;  // NOLINT: a program, not a library

// 784 - 512 - 512 - 10.
class Mlp final : public nn::Module {
 public:
  Mlp()
      : a_(make_child<nn::Linear>("a", 784, 512)),
        b_(make_child<nn::Linear>("b", 512, 512)),
        c_(make_child<nn::Linear>("c", 512, 10)) {}
  Tensor forward(const Tensor& x) override { return c_(ops::relu(b_(ops::relu(a_(x))))); }
  std::string describe() const override { return "Mlp()"; }

 private:
  nn::Linear &a_, &b_, &c_;
};

// Two 3x3 convolutions without padding, pooling, two fully connected layers, on 28 x 28.
class TinyCnn final : public nn::Module {
 public:
  TinyCnn()
      : c1_(make_child<nn::Conv2d>("c1", 1, 32, 3, nn::ConvOptions{.bias = true})),
        c2_(make_child<nn::Conv2d>("c2", 32, 64, 3, nn::ConvOptions{.bias = true})),
        f1_(make_child<nn::Linear>("f1", 9216, 128)),
        f2_(make_child<nn::Linear>("f2", 128, 10)) {}
  Tensor forward(const Tensor& x) override {
    const Tensor y =
        ops::max_pool2d(ops::relu(c2_(ops::relu(c1_(ops::channels_last(x))))), {2, 2}, {2, 2});
    return f2_(ops::relu(f1_(ops::flatten(y, 1))));
  }
  std::string describe() const override { return "TinyCnn()"; }

 private:
  nn::Conv2d &c1_, &c2_;
  nn::Linear &f1_, &f2_;
};

struct Workload {
  std::string name;
  Shape input;
  std::int64_t classes;
};

std::unique_ptr<nn::Module> make(const std::string& name) {
  if (name == "mlp") return std::make_unique<Mlp>();
  if (name == "tiny_cnn") return std::make_unique<TinyCnn>();
  return vision::make_model(name, {.dropout = 0});
}

void run(const Workload& w, double seconds) {
  const std::unique_ptr<nn::Module> model = make(w.name);
  model->initialize(0);
  model->train();
  optim::Sgd sgd(optim::one_group(*model), {.momentum = 0.9});
  Tensor x = ops::random_normal(w.input, 1, 1);
  if (w.input.size() == 4) x = ops::channels_last(x);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < w.input[0]; ++i) labels.push_back(i * 7 % w.classes);
  const Tensor target = Tensor::from(labels, {w.input[0]});
  const auto step = [&] {
    sgd.zero_grad();
    autograd::backward(nn::cross_entropy((*model)(x), target));
    sgd.step(1e-3);
  };
  const bench::Times times = bench::measure(seconds, step);
  std::printf("{\"workload\": \"%s\", \"batch\": %lld, \"ms\": %.4f, \"ms_best\": %.4f}\n",
              w.name.c_str(), static_cast<long long>(w.input[0]), times.median, times.best);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::read_options(argc, argv, 2);
  const Workload workloads[] = {{"mlp", {128, 784}, 10},
                                {"tiny_cnn", {128, 1, 28, 28}, 10},
                                {"resnet18", {16, 3, 224, 224}, 1000},
                                {"mobilenet_v2", {16, 3, 224, 224}, 1000}};
  for (const Workload& w : workloads)
    if (options.wants(w.name)) run(w, options.seconds);
}
