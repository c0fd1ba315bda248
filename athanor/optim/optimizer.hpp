#pragma once

#include <memory>
#include <vector>

#include "athanor/optim/arena.hpp"

namespace athanor::optim {

/// Changes parameters by their gradients. The learning rate comes with each step, from a schedule.
/// A parameter that no gradient has reached is left alone, with its state, as in PyTorch.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One step. Gradients are multiplied by `gradient_scale` as they are read.
  void step(double learning_rate, double gradient_scale = 1);
  /// Forgets the gradients, at no cost.
  void zero_grad() { arena_.zero_grad(); }

  ParameterArena& arena() { return arena_; }
  const ParameterArena& arena() const { return arena_; }
  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// Everything that a bit-exact resume needs, beside the parameters: "momentum/<parameter>",
  /// "step/<parameter>" ... The tensors share the optimiser's memory, except the step counts.
  TensorMap state() const;
  /// Throws ValueError, before anything is changed, for a missing, unexpected or mis-shaped name.
  void load_state(const TensorMap& state);

 protected:
  /// `states`: names of the buffers that the method keeps for each parameter.
  Optimizer(std::vector<ParameterGroup> groups, std::vector<std::string> states);

  struct Slice {
    const ParameterArena::Buffer& buffer;
    std::int64_t begin, end;
    double learning_rate, weight_decay, gradient_scale;
    std::int64_t step;                  ///< which step of these parameters it is, from 1
    const std::vector<Tensor>& states;  ///< rank 1, the layout of the buffer
  };
  virtual void update(const Slice& slice) = 0;

 private:
  std::vector<ParameterGroup> groups_;
  ParameterArena arena_;
  std::vector<std::string> state_names_;
  std::vector<std::vector<Tensor>> states_;  ///< [buffer][name]
  std::vector<std::int64_t> steps_;          ///< [entry]
};

struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;  ///< needs momentum
};

/// Stochastic gradient descent with momentum (Polyak) or Nesterov's form, weight decay added to
/// the gradient, as PyTorch defines it with dampening 0: m = momentum * m + g; p -= lr * m.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(std::vector<ParameterGroup> groups, SgdOptions options = {});

 private:
  void update(const Slice& slice) override;
  SgdOptions options_;
};

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// Adam (Kingma and Ba 2015) with weight decay added to the gradient.
class Adam final : public Optimizer {
 public:
  explicit Adam(std::vector<ParameterGroup> groups, AdamOptions options = {});

 private:
  void update(const Slice& slice) override;
  AdamOptions options_;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): p -= lr * decay * p first.
class AdamW final : public Optimizer {
 public:
  explicit AdamW(std::vector<ParameterGroup> groups, AdamOptions options = {});

 private:
  void update(const Slice& slice) override;
  AdamOptions options_;
};

struct RmspropOptions {
  double decay = 0.99;  ///< of the mean of squares; PyTorch's alpha
  double epsilon = 1e-8;
  double momentum = 0;
  bool centered = false;  ///< divides by the deviation in place of the root mean square
};

/// RMSprop (Hinton 2012, lecture 6e; the centred form: Graves 2013, arXiv:1308.0850), weight decay
/// added to the gradient.
class Rmsprop final : public Optimizer {
 public:
  explicit Rmsprop(std::vector<ParameterGroup> groups, RmspropOptions options = {});

 private:
  void update(const Slice& slice) override;
  RmspropOptions options_;
};

struct AdagradOptions {
  double learning_rate_decay = 0;  ///< step t, from 1, takes lr / (1 + (t - 1) * this)
  double epsilon = 1e-10;
  double initial = 0;  ///< what the sums of squares begin with
};

/// Adagrad (Duchi et al. 2011), weight decay added to the gradient.
class Adagrad final : public Optimizer {
 public:
  explicit Adagrad(std::vector<ParameterGroup> groups, AdagradOptions options = {});

 private:
  void update(const Slice& slice) override;
  AdagradOptions options_;
};

struct LionOptions {
  double beta1 = 0.9;
  double beta2 = 0.99;
};

/// Lion (Chen et al. 2023, arXiv:2302.06675): each element moves by the learning rate in the
/// direction of a mean of gradients; decoupled weight decay. Takes a learning rate 3 to 10 times
/// smaller than Adam's and as much more decay.
class Lion final : public Optimizer {
 public:
  explicit Lion(std::vector<ParameterGroup> groups, LionOptions options = {});

 private:
  void update(const Slice& slice) override;
  LionOptions options_;
};

}  // namespace athanor::optim
