#include "athanor/nn/transformer.hpp"

#include "athanor/nn/init.hpp"
#include "athanor/nn/random_scope.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::nn {

namespace {

Tensor filled(const Shape& shape, double value) {
  const CategoryScope category(Category::parameter);
  return Tensor::full(shape, value);
}

}  // namespace

LayerNorm::LayerNorm(std::int64_t width, double epsilon) : epsilon_(epsilon) {
  require(width >= 1, "LayerNorm: width must be at least 1, not {}", width);
  weight = add_parameter("weight", filled({width}, 1));
  bias = add_parameter("bias", filled({width}, 0));
}
Tensor LayerNorm::forward(const Tensor& x) { return ops::layer_norm(x, weight, bias, 1, epsilon_); }
std::string LayerNorm::describe() const { return fmt::format("LayerNorm({})", weight.dim(0)); }
void LayerNorm::reset(const InitScope&) {
  constant(weight, 1);
  constant(bias, 0);
}

RmsNorm::RmsNorm(std::int64_t width, double epsilon) : epsilon_(epsilon) {
  require(width >= 1, "RmsNorm: width must be at least 1, not {}", width);
  weight = add_parameter("weight", filled({width}, 1));
}
Tensor RmsNorm::forward(const Tensor& x) { return ops::rms_norm(x, weight, 1, epsilon_); }
std::string RmsNorm::describe() const { return fmt::format("RmsNorm({})", weight.dim(0)); }
void RmsNorm::reset(const InitScope&) { constant(weight, 1); }

Embedding::Embedding(std::int64_t count, std::int64_t width, double deviation)
    : deviation_(deviation) {
  require(count >= 1 && width >= 1, "Embedding: count and width must be at least 1, not {} and {}",
          count, width);
  weight = add_parameter("weight", filled({count, width}, 0));
}
Tensor Embedding::forward(const Tensor& index) { return ops::embedding(weight, index); }
std::string Embedding::describe() const {
  return fmt::format("Embedding({}, {})", weight.dim(0), weight.dim(1));
}
void Embedding::reset(const InitScope& scope) { normal(weight, scope, "weight", 0, deviation_); }

Tensor split_heads(const Tensor& x, std::int64_t heads) {
  return ops::permute(ops::reshape(x, {x.dim(0), x.dim(1), heads, x.dim(2) / heads}), {0, 2, 1, 3});
}

Tensor join_heads(const Tensor& x) {
  const Tensor y = ops::permute(x, {0, 2, 1, 3});
  return ops::reshape(y, {y.dim(0), y.dim(1), y.dim(2) * y.dim(3)});
}

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  RandomKey key;
  if (options.dropout > 0) key = RandomScope::next("attention dropout");
  return ops::attention(q, k, v, options.mask, options.causal, 0, options.dropout,
                        static_cast<std::int64_t>(key.seed), static_cast<std::int64_t>(key.stream));
}

}  // namespace athanor::nn
