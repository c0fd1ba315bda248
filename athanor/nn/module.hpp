#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "athanor/tensor/tensor_map.hpp"

namespace athanor::nn {

struct NamedTensor {
  std::string name;  ///< dotted: "layer1.0.conv1.weight"
  Tensor tensor;
};

/// What initial values are a function of: the seed and the full name of the parameter. The order in
/// which modules are made does not matter, and neither does what else the model contains.
struct InitScope {
  std::uint64_t seed = 0;
  std::string prefix;  ///< "" or "layer1.0."
};

/// What load_state_dict() left aside when it was not strict.
struct LoadResult {
  std::vector<std::string> missing;     ///< names of the module without a tensor
  std::vector<std::string> unexpected;  ///< tensors without a place
};

/// A part of a model: it owns its parameters, its buffers (state that is not trained) and its
/// children. Tensor handles stay the same for the life of the module; loading and optimising change
/// the values behind them.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// Runs the module: forward(), seen by an observer if one is set (see summary()).
  Tensor operator()(const Tensor& x);

  /// The computation itself. Call operator(), not this.
  virtual Tensor forward(const Tensor& x) = 0;

  /// "Conv2d(3, 16, kernel 3x3)": for summaries.
  virtual std::string describe() const = 0;

  /// Own parameters in the order of registration, then those of the children, depth first.
  std::vector<NamedTensor> parameters() const;
  /// Running statistics and the like, in the same order.
  std::vector<NamedTensor> buffers() const;
  /// This module (under the name "") and all below it, depth first.
  std::vector<std::pair<std::string, Module*>> modules();
  const std::vector<std::pair<std::string, std::unique_ptr<Module>>>& children() const {
    return children_;
  }

  /// Training or evaluation behaviour (batch statistics, dropout), for all modules below. Default:
  /// training.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }

  /// Parameters and buffers by name. The tensors share the module's memory and have no history.
  TensorMap state_dict() const;
  /// Copies values (converted to the module's dtypes). Throws ValueError that lists every missing,
  /// unexpected and mis-shaped name, before anything is changed; without `strict` only mis-shaped
  /// names are errors. "num_batches_tracked" counters, which only PyTorch keeps, are passed over.
  LoadResult load_state_dict(const TensorMap& state, bool strict = true);

  /// Fills all parameters with their initial values, a pure function of seed and names, and resets
  /// the buffers.
  void initialize(std::uint64_t seed);

 protected:
  /// Initial values of the own parameters and buffers; called after the children's.
  virtual void reset(const InitScope& scope);

  /// Returns the tensor, marked as requiring a gradient.
  Tensor add_parameter(std::string name, Tensor tensor);
  Tensor add_buffer(std::string name, Tensor tensor);
  /// Takes over a child and returns it.
  template <class M>
  M& add_child(std::string name, std::unique_ptr<M> child) {
    M& reference = *child;
    adopt(std::move(name), std::move(child));
    return reference;
  }
  template <class M, class... Args>
  M& make_child(std::string name, Args&&... args) {
    return add_child(std::move(name), std::make_unique<M>(std::forward<Args>(args)...));
  }

 private:
  friend class ObserverScope;
  void adopt(std::string name, std::unique_ptr<Module> child);
  void check_new_name(const std::string& name) const;
  void collect(const std::string& prefix, bool buffers, std::vector<NamedTensor>& out) const;
  void collect_modules(const std::string& name, std::vector<std::pair<std::string, Module*>>& out);
  void initialize(const InitScope& scope);

  std::vector<NamedTensor> parameters_;
  std::vector<NamedTensor> buffers_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  bool training_ = true;
};

/// Sees the input and output of every module that runs on this thread.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void ran(const Module& module, const Tensor& input, const Tensor& output) = 0;
};

/// Sets this thread's observer while the scope lives.
class ObserverScope {
 public:
  explicit ObserverScope(Observer& observer);
  ~ObserverScope();
  ObserverScope(const ObserverScope&) = delete;
  ObserverScope& operator=(const ObserverScope&) = delete;

 private:
  Observer* previous_;
};

/// Elements of all parameters; `trainable`: only of those that require a gradient.
std::int64_t count_parameters(const Module& module, bool trainable = false);

/// Whether the parameters below (weights and biases; not buffers) require a gradient.
void set_trainable(const Module& module, bool on);

/// A table of the modules that run on zeros of `input_shape`, with output shapes and parameters.
/// The module's mode is left as it was.
std::string summary(Module& module, const Shape& input_shape);

}  // namespace athanor::nn
