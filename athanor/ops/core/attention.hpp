#pragma once

#include "athanor/op/op.hpp"

// What the records of attention share.
namespace athanor::ops {

/// The sizes of a call; the batch may be kDynamic.
struct AttentionShape {
  std::int64_t batch = 0;
  std::int64_t heads = 0, key_heads = 0;  ///< heads is a multiple of key_heads
  std::int64_t queries = 0, keys = 0;
  std::int64_t size = 0, value_size = 0;  ///< of a query and key, of a value
};

/// Checks q [B, H, T, D], k [B, Hk, S, D], v [B, Hk, S, E], mask and attributes. Throws ShapeError,
/// DTypeError, ValueError.
AttentionShape check_attention(std::string_view op, const TensorMeta& q, const TensorMeta& k,
                               const TensorMeta& v, const TensorMeta& mask, const Attrs& attrs);
/// The attribute, or 1 / sqrt(size) for 0.
double attention_scale(const Attrs& attrs, std::int64_t size);

/// What the softmax of a call is made of, written with other ops, in f32 for half precision.
/// `mask` may be undefined; the scores are [B, H, T, S], -infinity where a query may not look.
Tensor attention_scores(const Tensor& q, const Tensor& k, const Tensor& mask, const Attrs& attrs);
/// Keys or values of `heads` heads: each of the key heads serves as many neighbours.
Tensor for_heads(const Tensor& x, std::int64_t heads);
/// The inputs of attention_grad, which its lowering and the gradient by a mask read.
struct AttentionGradient {
  Tensor grad, q, k, v, y, log_sum, mask, grad_log_sum;
};
/// The gradient by the scores, and the probabilities after dropout.
struct ScoreGradient {
  Tensor scores, dropped;
};
ScoreGradient attention_score_gradient(const AttentionGradient& in, const Attrs& attrs);

/// Exported as the lowering, without dropout.
OnnxMap attention_onnx();

/// Samples of q, k, v, mask: several heads to a key head, masks of both kinds, causal, dropout.
/// `blind`: one with a query that may look at no key.
std::vector<Sample> attention_samples(SampleMaker& m, bool blind);

}  // namespace athanor::ops
