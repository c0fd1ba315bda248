#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "athanor/autograd/autograd.hpp"

namespace athanor::autograd {

/// An op of the user's own: one struct with a forward and a backward.
///
///     struct Cube : autograd::Function {
///       std::string_view name() const override { return "cube"; }
///       TensorList forward(std::span<const Tensor> x) override {
///         save(x[0]);
///         return {x[0] * x[0] * x[0]};
///       }
///       TensorList backward(const TensorList& grads) override {
///         return {grads[0] * 3.0 * saved(0) * saved(0)};
///       }
///     };
///     Tensor y = autograd::apply<Cube>({x})[0];
///
/// forward runs unrecorded, on anything: ops, loops over data(), another library. backward is
/// written with ops when gradients of gradients are wanted; it is recorded then.
class Function {
 public:
  Function() = default;
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
  virtual ~Function() = default;

  /// What messages call the op.
  virtual std::string_view name() const = 0;
  virtual TensorList forward(std::span<const Tensor> inputs) = 0;
  /// One gradient for each input, undefined where there is none. `grads`: by output; zeros where
  /// none arrived.
  virtual TensorList backward(const TensorList& grads) = 0;

 protected:
  /// Keeps a tensor for backward, an input, an output or another.
  void save(const Tensor& tensor);
  /// The i-th tensor saved. Throws IndexError, and ValueError when it was overwritten since.
  Tensor saved(std::size_t i) const;

 private:
  friend TensorList apply(std::shared_ptr<Function> function, std::span<const Tensor> inputs);
  // What was saved: input or output number `index`, which the tape keeps, or another tensor.
  struct Saved {
    enum class Kind : std::uint8_t { input, output, other } kind = Kind::other;
    int index = 0;
    Tensor tensor;
    std::uint64_t version = 0;
  };
  std::vector<Saved> saved_;
  const Vjp* call_ = nullptr;  // while backward runs
};

/// Runs a function and records it. Its backward is refused with ValueError when it returns another
/// number of gradients than there are inputs, with ShapeError or DTypeError when one does not fit.
TensorList apply(std::shared_ptr<Function> function, std::span<const Tensor> inputs);

template <class F, class... Args>
TensorList apply(std::initializer_list<Tensor> inputs, Args&&... args) {
  return autograd::apply(std::make_shared<F>(std::forward<Args>(args)...),
                         std::span<const Tensor>(inputs.begin(), inputs.size()));
}

}  // namespace athanor::autograd
