// Two spirals told apart by a small net: tensors, a module, an optimiser, an op with a gradient of
// its own, and the gradients of each example. usage: spirals [STEPS]
#include <cstdio>
#include <cstdlib>

#include "athanor/autograd/function.hpp"
#include "athanor/autograd/functional.hpp"
#include "athanor/graph/vmap.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/ops/operators.hpp"
#include "athanor/optim/optimizer.hpp"
#include "athanor/optim/schedule.hpp"

using namespace athanor;

// x * sigmoid(1.702 x), whose gradient is written by hand.
struct QuickGelu : autograd::Function {
  std::string_view name() const override { return "quick_gelu"; }
  TensorList forward(std::span<const Tensor> x) override {
    save(x[0]);
    return {x[0] * ops::sigmoid(x[0] * 1.702)};
  }
  TensorList backward(const TensorList& grads) override {
    const Tensor s = ops::sigmoid(saved(0) * 1.702);
    return {grads[0] * (s + saved(0) * 1.702 * s * (1.0 - s))};
  }
};

class Net final : public nn::Module {
 public:
  Net() : in_(make_child<nn::Linear>("in", 2, 32)), out_(make_child<nn::Linear>("out", 32, 2)) {}
  Tensor forward(const Tensor& x) override { return out_(autograd::apply<QuickGelu>({in_(x)})[0]); }
  std::string describe() const override { return "Net()"; }

 private:
  nn::Linear &in_, &out_;
};

int main(int argc, char** argv) {
  const std::int64_t steps = argc > 1 ? std::atoll(argv[1]) : 600, count = 400;
  // Points of two arms, and which arm each is of.
  const Tensor arm =
      ops::cast(ops::mod(Tensor::arange(count), Tensor::scalar(2, DType::i64)), DType::f32);
  const Tensor turn = ops::random_uniform({count}, 1, 0, 0.5, 6.0);
  const Tensor angle = turn + arm * 3.14159265;
  const Tensor x =
      ops::stack(TensorList{ops::cos(angle) * turn * 0.3, ops::sin(angle) * turn * 0.3}, 1);
  const Tensor target = ops::cast(arm, DType::i64);

  Net net;
  net.initialize(/*seed=*/7);
  optim::AdamW optimizer(optim::one_group(net, 1e-3));
  const optim::Schedule schedule{
      .kind = optim::Schedule::Kind::cosine, .base = 3e-2, .total_steps = steps};
  double loss_now = 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    const Tensor loss = nn::cross_entropy(net(x), target);
    optimizer.zero_grad();
    autograd::backward(loss);
    optimizer.step(schedule(step));
    loss_now = loss.item();
  }
  const NoGrad off;
  const Tensor right = ops::eq(ops::argmax(net(x), 1), target);
  std::printf("loss %.4f, accuracy %.3f\n", loss_now,
              ops::mean(ops::cast(right, DType::f32)).item());

  // The op's gradient against central differences, and how much each point pulls on the loss.
  const Tensor probe = ops::random_normal({5}, 1, 1, 0, 1, DType::f64).set_requires_grad();
  autograd::check_gradients(
      [](const TensorList& in) { return autograd::apply<QuickGelu>({in[0]}); }, std::array{probe},
      {.second = true});
  const TensorList pulls = graph::vmap(
      [&](const TensorList& point) {
        return autograd::vjp(
                   [&](const TensorList& p) {
                     return TensorList{nn::cross_entropy(net(ops::unsqueeze(p[0], {0})),
                                                         ops::unsqueeze(point[1], {0}))};
                   },
                   std::array{point[0]}, std::array{Tensor::scalar(1)})
            .values;
      },
      std::array{x, target});
  std::printf("strongest pull %.4f\n", ops::amax(ops::norm(pulls[0], 2, {1})).item());
  return 0;
}
