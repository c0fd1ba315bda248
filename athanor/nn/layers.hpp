#pragma once

#include "athanor/nn/module.hpp"

// Layers without state beside their parameters. Pictures are [N, C, H, W]; the memory order of the
// input (NHWC strides) is kept.
namespace athanor::nn {

/// y = x weight^T + bias; x: [..., in], weight: [out, in].
class Linear final : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, bool bias = true);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Tensor weight, bias;  ///< bias is undefined without one

 protected:
  /// U(-1/sqrt(in), 1/sqrt(in)) for both, as PyTorch.
  void reset(const InitScope& scope) override;
};

struct ConvOptions {
  Dims stride{1, 1};
  Dims padding{0, 0};
  Dims dilation{1, 1};
  std::int64_t groups = 1;
  bool bias = false;  ///< off: normalisation follows in all our models
};

/// 2-D convolution; weight: [out, in / groups, kernel h, kernel w].
class Conv2d final : public Module {
 public:
  Conv2d(std::int64_t in, std::int64_t out, Dims kernel, ConvOptions options = {});
  Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, ConvOptions options = {})
      : Conv2d(in, out, Dims{kernel, kernel}, std::move(options)) {}
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Tensor weight, bias;

 protected:
  /// Kaiming normal over fan out (He et al. 2015), bias 0.
  void reset(const InitScope& scope) override;

 private:
  ConvOptions options_;
};

/// Geometry of a pooling window; an empty stride means the kernel's.
struct PoolOptions {
  Dims kernel{2, 2};
  Dims stride{};
  Dims padding{0, 0};
};

class MaxPool2d final : public Module {
 public:
  explicit MaxPool2d(PoolOptions options = {});
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  PoolOptions options_;
};

class AvgPool2d final : public Module {
 public:
  explicit AvgPool2d(PoolOptions options = {}, bool count_include_pad = true);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  PoolOptions options_;
  bool count_include_pad_;
};

/// The mean over height and width: [N, C, H, W] -> [N, C].
class GlobalAvgPool final : public Module {
 public:
  Tensor forward(const Tensor& x) override;
  std::string describe() const override { return "GlobalAvgPool()"; }
};

/// Joins the axes from `start` on.
class Flatten final : public Module {
 public:
  explicit Flatten(std::int64_t start = 1) : start_(start) {}
  Tensor forward(const Tensor& x) override;
  std::string describe() const override { return "Flatten()"; }

 private:
  std::int64_t start_;
};

/// Sets elements to 0 with probability p in training and scales the others by 1 / (1 - p)
/// (Srivastava et al. 2014). Random numbers: see RandomScope.
class Dropout final : public Module {
 public:
  explicit Dropout(double p = 0.5);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  double p_;
};

class Identity final : public Module {
 public:
  Tensor forward(const Tensor& x) override { return x; }
  std::string describe() const override { return "Identity()"; }
};

enum class ActivationKind {
  relu,
  relu6,
  silu,
  gelu,
  hardswish,
  hardsigmoid,
  sigmoid,
  tanh,
  leaky_relu
};

/// An activation function as a module.
class Activation final : public Module {
 public:
  explicit Activation(ActivationKind kind) : kind_(kind) {}
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  ActivationKind kind_;
};

/// Children one after the other, named "0", "1" ... unless a name is given.
class Sequential final : public Module {
 public:
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  template <class M, class... Args>
  M& emplace(Args&&... args) {
    return make_child<M>(std::to_string(children().size()), std::forward<Args>(args)...);
  }
  template <class M>
  M& add(std::unique_ptr<M> module) {
    return add_child(std::to_string(children().size()), std::move(module));
  }
  template <class M>
  M& add(std::string name, std::unique_ptr<M> module) {
    return add_child(std::move(name), std::move(module));
  }
};

}  // namespace athanor::nn
