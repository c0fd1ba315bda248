#pragma once

#include "athanor/nn/layers.hpp"

// Layers of transformers. Sequences are [batch, time, width].
namespace athanor::nn {

/// (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis (Ba et al. 2016).
class LayerNorm final : public Module {
 public:
  explicit LayerNorm(std::int64_t width, double epsilon = 1e-5);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Tensor weight, bias;

 protected:
  void reset(const InitScope& scope) override;

 private:
  double epsilon_;
};

/// x / sqrt(mean(x^2) + epsilon) * weight over the last axis (Zhang and Sennrich 2019).
class RmsNorm final : public Module {
 public:
  explicit RmsNorm(std::int64_t width, double epsilon = 1e-5);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Tensor weight;

 protected:
  void reset(const InitScope& scope) override;

 private:
  double epsilon_;
};

/// A table of vectors: i64 indices of any shape become index.shape + [width]. Initial values:
/// N(0, deviation^2).
class Embedding final : public Module {
 public:
  Embedding(std::int64_t count, std::int64_t width, double deviation = 1);
  Tensor forward(const Tensor& index) override;
  std::string describe() const override;

  Tensor weight;

 protected:
  void reset(const InitScope& scope) override;

 private:
  double deviation_;
};

/// [B, T, heads * D] -> [B, heads, T, D] and back.
Tensor split_heads(const Tensor& x, std::int64_t heads);
Tensor join_heads(const Tensor& x);

struct AttentionOptions {
  Tensor mask{};  ///< as ops::attention
  bool causal = false;
  double dropout = 0;  ///< of the probabilities; the key comes from the RandomScope
};
/// ops::attention with the dropout's key from this thread's RandomScope.
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);

}  // namespace athanor::nn
