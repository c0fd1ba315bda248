#include "athanor/optim/optimizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "athanor/base/parallel.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/optim/clip.hpp"
#include "athanor/optim/ema.hpp"

namespace athanor {
namespace {

using optim::ParameterGroup;
using testing::HasSubstr;

// The closed forms of golden.py.
Tensor start(std::size_t k, const Shape& shape, DType dtype = DType::f32) {
  const Tensor t = Tensor::empty(shape, dtype);
  std::vector<double> v;
  for (std::int64_t i = 0; i < t.count(); ++i)
    v.push_back(std::cos(0.3 * static_cast<double>(i) + static_cast<double>(k)));
  t.copy_from(Tensor::from(v, shape));
  return t;
}

Tensor gradient(int step, std::size_t k, const Shape& shape, DType dtype = DType::f32) {
  const Tensor t = Tensor::empty(shape, dtype);
  std::vector<double> v;
  for (std::int64_t i = 0; i < t.count(); ++i)
    v.push_back(std::sin(1 + 3.0 * step + 0.7 * static_cast<double>(i) + static_cast<double>(k)));
  t.copy_from(Tensor::from(v, shape));
  return t;
}

// What backward() does with a leaf that has a slot.
void give(const Tensor& parameter, const Tensor& g) {
  AutogradState& state = *parameter.impl().autograd;
  Tensor(state.grad_slot).copy_from(g);
  state.grad = state.grad_slot;
}

struct Pair {
  explicit Pair(DType dtype = DType::f32) : tensors{start(0, {2, 3}, dtype), start(1, {5}, dtype)} {
    for (const Tensor& t : tensors) t.set_requires_grad();
  }
  std::vector<ParameterGroup> group(double decay) const {
    return {{{{"a", tensors[0]}, {"b", tensors[1]}}, decay, 1}};
  }
  std::vector<double> values() const {
    std::vector<double> out;
    for (const Tensor& t : tensors)
      for (const double v : t.to_vector<double>()) out.push_back(v);
    return out;
  }
  std::vector<Tensor> tensors;
};

std::unique_ptr<optim::Optimizer> make(const std::string& name, const Pair& p) {
  if (name == "sgd") return std::make_unique<optim::Sgd>(p.group(0));
  if (name == "sgd_decay") return std::make_unique<optim::Sgd>(p.group(0.01));
  if (name == "sgd_momentum" || name == "sgd_gap")
    return std::make_unique<optim::Sgd>(p.group(0.01), optim::SgdOptions{.momentum = 0.9});
  if (name == "sgd_nesterov")
    return std::make_unique<optim::Sgd>(p.group(0.01),
                                        optim::SgdOptions{.momentum = 0.9, .nesterov = true});
  if (name == "adam") return std::make_unique<optim::Adam>(p.group(0));
  if (name == "adam_decay")
    return std::make_unique<optim::Adam>(
        p.group(0.1), optim::AdamOptions{.beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-6});
  if (name == "rmsprop") return std::make_unique<optim::Rmsprop>(p.group(0));
  if (name == "rmsprop_all")
    return std::make_unique<optim::Rmsprop>(
        p.group(0.1),
        optim::RmspropOptions{.decay = 0.9, .epsilon = 1e-4, .momentum = 0.8, .centered = true});
  if (name == "adagrad") return std::make_unique<optim::Adagrad>(p.group(0));
  if (name == "adagrad_all")
    return std::make_unique<optim::Adagrad>(
        p.group(0.1),
        optim::AdagradOptions{.learning_rate_decay = 0.1, .epsilon = 1e-5, .initial = 0.3});
  return std::make_unique<optim::AdamW>(p.group(0.1));
}

void run(optim::Optimizer& optimizer, const std::string& name, const Pair& p, int first, int last) {
  const double rate = name.starts_with("sgd") ? 0.1 : 0.05;
  for (int t = first; t < last; ++t) {
    optimizer.zero_grad();
    for (std::size_t k = 0; k < 2; ++k) {
      if (name.ends_with("_gap") && k == 1 && t >= 3 && t <= 5) continue;
      give(p.tensors[k], gradient(t, k, p.tensors[k].shape(), p.tensors[k].dtype()));
    }
    optimizer.step(rate);
  }
}

struct Golden {
  const char* name;
  std::vector<double> values;
};

const std::vector<Golden>& goldens() {
  static const std::vector<Golden> list = {
#include "tests/optim/golden.inc"
  };
  return list;
}

TEST(Optimizer, TenStepsEqualPyTorchs) {
  for (const Golden& golden : goldens()) {
    const Pair p;
    const auto optimizer = make(golden.name, p);
    run(*optimizer, golden.name, p, 0, 10);
    const std::vector<double> got = p.values();
    ASSERT_EQ(got.size(), golden.values.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], golden.values[i], 1e-6) << golden.name << " " << i;
  }
}

TEST(Optimizer, HalfAndDoubleParametersFollowTheSameSteps) {
  for (const Golden& golden : goldens()) {
    for (const auto& [dtype, tolerance] :
         {std::pair(DType::f64, 1e-5), std::pair(DType::f16, 2e-2), std::pair(DType::bf16, 1e-1)}) {
      const Pair p(dtype);
      const auto optimizer = make(golden.name, p);
      run(*optimizer, golden.name, p, 0, 10);
      const std::vector<double> got = p.values();
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_NEAR(got[i], golden.values[i], tolerance) << golden.name << name_of(dtype);
    }
  }
}

TEST(Optimizer, AResumedRunHasTheSameBits) {
  for (const Golden& golden : goldens()) {
    const Pair whole;
    const auto one = make(golden.name, whole);
    run(*one, golden.name, whole, 0, 10);

    const Pair before;
    const auto first = make(golden.name, before);
    run(*first, golden.name, before, 0, 4);
    TensorMap saved;
    for (const auto& [name, tensor] : first->state()) {
      saved[name] = Tensor::empty(tensor.shape(), tensor.dtype());
      saved[name].copy_from(tensor);
    }
    const Pair after;
    for (std::size_t k = 0; k < 2; ++k) after.tensors[k].detach().copy_from(before.tensors[k]);
    const auto second = make(golden.name, after);
    second->load_state(saved);
    run(*second, golden.name, after, 4, 10);
    EXPECT_EQ(whole.values(), after.values()) << golden.name;
  }
}

// Algorithm 2 of the paper in float64.
TEST(Optimizer, LionFollowsItsPaper) {
  const Pair p;
  optim::Lion lion(p.group(0.1));
  run(lion, "lion", p, 0, 10);
  std::vector<double> expected;
  for (std::size_t k = 0; k < 2; ++k) {
    const std::vector<double> begin = start(k, p.tensors[k].shape()).to_vector<double>();
    for (std::size_t i = 0; i < begin.size(); ++i) {
      double value = begin[i], mean = 0;
      for (int t = 0; t < 10; ++t) {
        const double g =
            std::sin(1 + 3.0 * t + 0.7 * static_cast<double>(i) + static_cast<double>(k));
        const double c = 0.9 * mean + 0.1 * g;
        value -= 0.05 * ((c > 0 ? 1 : -1) + 0.1 * value);
        mean = 0.99 * mean + 0.01 * g;
      }
      expected.push_back(value);
    }
  }
  const std::vector<double> got = p.values();
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-6) << i;
}

TEST(Optimizer, AStateThatDoesNotFitIsRefusedByName) {
  const Pair p;
  const auto adam = make("adam", p);
  TensorMap state = adam->state();
  state.erase("mean/a");
  state["other"] = Tensor::zeros({1});
  state["square/b"] = Tensor::zeros({4});
  try {
    adam->load_state(state);
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("mean/a is missing"));
    EXPECT_THAT(error.what(), HasSubstr("other is unexpected"));
    EXPECT_THAT(error.what(), HasSubstr("square/b is f32[4], not f32[5]"));
  }
}

TEST(Optimizer, GroupsHaveTheirOwnDecayAndRate) {
  const Tensor a = Tensor::ones({3}), b = Tensor::ones({3}), frozen = Tensor::ones({3});
  a.set_requires_grad();
  b.set_requires_grad();
  optim::Sgd sgd({{{{"a", a}, {"frozen", frozen}}, 0.5, 1}, {{{"b", b}}, 0, 0.1}});
  give(a, Tensor::zeros({3}));
  give(b, Tensor::ones({3}));
  sgd.step(0.1);
  EXPECT_FLOAT_EQ(a.to_vector<float>()[2], 1 - 0.1f * 0.5f);
  EXPECT_FLOAT_EQ(b.to_vector<float>()[2], 1 - 0.01f);
  EXPECT_EQ(frozen.to_vector<float>()[0], 1);
}

TEST(Optimizer, WrongNumbersAreRefused) {
  const Pair p;
  EXPECT_THROW(optim::Sgd({}, {}), ValueError);
  EXPECT_THROW(optim::Sgd(p.group(0), {.momentum = 1}), ValueError);
  EXPECT_THROW(optim::Sgd(p.group(0), {.nesterov = true}), ValueError);
  EXPECT_THROW(optim::Sgd(p.group(-1)), ValueError);
  EXPECT_THROW(optim::Adam(p.group(0), {.beta1 = 1}), ValueError);
  EXPECT_THROW(optim::Sgd({{{{"a", p.tensors[0]}, {"c", p.tensors[0]}}, 0, 1}}), ValueError);
  optim::Sgd sgd(p.group(0));
  EXPECT_THROW(optim::Adam(p.group(0)), ValueError);  // the parameters belong to sgd
  EXPECT_THROW(sgd.step(-1), ValueError);
  EXPECT_THROW(sgd.step(NAN), ValueError);
}

TEST(Arena, ParametersBecomeViewsOfOneBufferAndKeepTheirHandles) {
  const std::size_t before =
      cpu_allocator().stats().live[static_cast<std::size_t>(Category::parameter)];
  const Pair p;
  const std::vector<double> values = p.values();
  const optim::ParameterArena arena(p.group(0));
  EXPECT_EQ(arena.buffers().size(), 1u);
  EXPECT_EQ(p.tensors[0].storage(), p.tensors[1].storage());
  EXPECT_EQ(p.tensors[0].storage(), arena.buffers()[0].values.storage());
  EXPECT_EQ(p.values(), values);
  EXPECT_TRUE(p.tensors[0].is_leaf());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p.tensors[1].raw()) % 64, 0u);
  EXPECT_GT(cpu_allocator().stats().live[static_cast<std::size_t>(Category::parameter)], before);
}

TEST(Arena, EachDtypeHasItsBuffer) {
  const Tensor a = Tensor::ones({3}), b = Tensor::ones({3}, DType::f64);
  a.set_requires_grad();
  b.set_requires_grad();
  optim::Adam adam({{{{"a", a}, {"b", b}}, 0, 1}});
  EXPECT_EQ(adam.arena().buffers().size(), 2u);
  give(a, Tensor::ones({3}));
  give(b, Tensor::ones({3}, DType::f64));
  adam.step(0.1);
  // Adam's first step is the learning rate, whatever the gradient.
  EXPECT_NEAR(a.to_vector<double>()[0], 0.9, 1e-6);
  EXPECT_NEAR(b.to_vector<double>()[0], 0.9, 1e-8);
}

struct Large {
  Large() : tensor(Tensor::empty({300'001})) {
    Random random({1, 2});
    std::vector<float> v;
    for (std::int64_t i = 0; i < tensor.count(); ++i) v.push_back(random.normal());
    tensor.copy_from(Tensor::from(v, tensor.shape()));
    tensor.set_requires_grad();
    gradient = tensor.detach();
    values = v;
  }
  Tensor tensor, gradient;
  std::vector<float> values;
};

TEST(Clip, TheNormIsThatOfFloat64AndHasTheSameBitsForAnyThreads) {
  const Large large;
  double want = 0;
  for (const float v : large.values) want += static_cast<double>(v) * static_cast<double>(v);
  const Tensor g = Tensor::from(large.values, large.tensor.shape());
  optim::Sgd sgd({{{{"x", large.tensor}}, 0, 1}});
  give(large.tensor, g);
  const int threads = compute_threads();
  std::vector<double> norms;
  for (const int count : {1, 2, 3, 4}) {
    set_compute_threads(count);
    norms.push_back(optim::gradient_norm(sgd.arena()));
  }
  set_compute_threads(threads);
  EXPECT_NEAR(norms[0], std::sqrt(want), 1e-9 * std::sqrt(want));
  for (const double norm : norms) EXPECT_EQ(norm, norms[0]);
}

TEST(Clip, GradientsAreScaledToTheLimitOnlyWhenTheyAreLonger) {
  const Tensor x = Tensor::zeros({2});
  x.set_requires_grad();
  optim::Sgd sgd({{{{"x", x}}, 0, 1}});
  give(x, Tensor::from(std::vector<float>{3, 4}, {2}));
  EXPECT_DOUBLE_EQ(optim::clip_gradient_norm(sgd.arena(), 10), 5);
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{3, 4}));
  EXPECT_DOUBLE_EQ(optim::clip_gradient_norm(sgd.arena(), 1), 5);
  EXPECT_NEAR(x.grad().to_vector<float>()[0], 0.6, 1e-6);
  give(x, Tensor::from(std::vector<float>{INFINITY, 4}, {2}));
  EXPECT_FALSE(std::isfinite(optim::clip_gradient_norm(sgd.arena(), 1)));
  EXPECT_EQ(x.grad().to_vector<float>()[1], 4);
  give(x, Tensor::from(std::vector<float>{-3, 0.5}, {2}));
  optim::clip_gradient_value(sgd.arena(), 1);
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{-1, 0.5}));
}

TEST(Ema, FollowsTheFormulaWithWarmUp) {
  const Tensor x = Tensor::zeros({3});
  x.set_requires_grad();
  const Tensor running = Tensor::zeros({2}), count = Tensor::zeros({}, DType::i64);
  optim::Sgd sgd({{{{"x", x}}, 0, 1}});
  optim::Ema ema(sgd.arena(), {{"running", running}, {"count", count}}, {.decay = 0.5});
  // decays: 0.1, 2/11, 3/12, 4/13, 5/14, then at most 0.5
  double want = 0;
  for (int n = 0; n < 8; ++n) {
    x.detach().fill(n + 1);
    running.fill(n + 1);
    count.fill(n + 1);
    ema.update();
    const double decay = std::min(0.5, (1.0 + n) / (10.0 + n));
    want = decay * want + (1 - decay) * (n + 1);
  }
  {
    const optim::EmaScope scope(ema);
    EXPECT_NEAR(x.to_vector<double>()[2], want, 1e-5);
    EXPECT_NEAR(running.to_vector<double>()[1], want, 1e-5);
    EXPECT_EQ(count.item(), 8);
  }
  EXPECT_EQ(x.to_vector<double>()[2], 8);

  optim::Ema other(sgd.arena(), {{"running", running}, {"count", count}}, {.decay = 0.5});
  other.load_state(ema.state());
  EXPECT_EQ(other.updates(), 8);
  EXPECT_EQ(other.state().at("ema/x").to_bytes(), ema.state().at("ema/x").to_bytes());
  TensorMap wrong = ema.state();
  wrong.erase("ema/x");
  EXPECT_THROW(other.load_state(wrong), ValueError);
}

}  // namespace
}  // namespace athanor
