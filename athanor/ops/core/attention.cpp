#include "athanor/ops/core/attention.hpp"

#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// Which keys each query may look at: the last query sees all, each one before it one less.
Tensor causal_mask(std::int64_t queries, std::int64_t keys) {
  std::vector<double> visible;
  for (std::int64_t i = 0; i < queries; ++i)
    for (std::int64_t j = 0; j < keys; ++j) visible.push_back(j <= i + keys - queries ? 1 : 0);
  const Tensor out = Tensor::empty({queries, keys}, DType::boolean);
  out.copy_from(Tensor::from(visible, {queries, keys}));
  return out;
}

Tensor wide(const Tensor& x) {
  const DType dtype = statistics_dtype(x.dtype());
  return x.dtype() == dtype ? x : cast(x, dtype);
}

}  // namespace

AttentionShape check_attention(std::string_view op, const TensorMeta& q, const TensorMeta& k,
                               const TensorMeta& v, const TensorMeta& mask, const Attrs& attrs) {
  require_rank(op, "q", q, 4);
  require_rank(op, "k", k, 4);
  require_rank(op, "v", v, 4);
  require_same_dtype(op, "q", q, "k", k);
  require_same_dtype(op, "q", q, "v", v);
  const AttentionShape s{q.shape[0], q.shape[1], k.shape[1], q.shape[2],
                         k.shape[2], q.shape[3], v.shape[3]};
  require<ShapeError>(k.shape[0] == s.batch && v.shape[0] == s.batch && v.shape[1] == s.key_heads &&
                          v.shape[2] == s.keys && k.shape[3] == s.size,
                      "{}: q must be [B, H, T, D], k [B, Hk, S, D] and v [B, Hk, S, E] (q: {}, k: "
                      "{}, v: {})",
                      op, describe(q), describe(k), describe(v));
  require<ShapeError>(s.key_heads > 0 && s.heads % s.key_heads == 0,
                      "{}: the {} heads of q must be a multiple of the {} heads of k and v (q: {}, "
                      "k: {})",
                      op, s.heads, s.key_heads, describe(q), describe(k));
  require<ShapeError>(s.keys > 0 && s.size > 0, "{}: there are no keys to look at (k: {})", op,
                      describe(k));
  if (mask.dtype != DType::f32 || !mask.shape.empty()) {
    require<DTypeError>(mask.dtype == DType::boolean || mask.dtype == q.dtype ||
                            mask.dtype == statistics_dtype(q.dtype),
                        "{}: mask must be bool, true where a query may look, or {}, which is added "
                        "to the scores; it is {}",
                        op, name_of(q.dtype), describe(mask));
    const Shape scores{s.batch, s.heads, s.queries, s.keys};
    require<ShapeError>(
        mask.shape.size() <= 4 && broadcast_shapes(mask.shape, scores, op) == scores,
        "{}: mask must broadcast to the scores {} (mask: {})", op, to_string(scores),
        describe(mask));
  }
  const double p = attrs.real("dropout"), scale = attrs.real("scale");
  require(p >= 0 && p < 1, "{}: dropout is {}, it must be in [0, 1)", op, p);
  require(std::isfinite(scale), "{}: scale is {}; it must be a number, or 0 for 1 / sqrt({})", op,
          scale, s.size);
  return s;
}

double attention_scale(const Attrs& attrs, std::int64_t size) {
  const double scale = attrs.real("scale");
  return scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(size));
}

Tensor for_heads(const Tensor& x, std::int64_t heads) {
  const std::int64_t own = x.dim(1);
  if (own == heads) return x;
  std::vector<std::int64_t> from;
  for (std::int64_t h = 0; h < heads; ++h) from.push_back(h / (heads / own));
  return index_select(x, Tensor::from(from, {heads}), 1);
}

Tensor attention_scores(const Tensor& q, const Tensor& k, const Tensor& mask, const Attrs& attrs) {
  const Tensor keys = for_heads(wide(k), q.dim(1));
  Tensor s = matmul(wide(q), transposed(keys)) * attention_scale(attrs, q.dim(3));
  const Tensor hidden = number_like(-kInfinity, s);
  if (mask.defined()) s = mask.dtype() == DType::boolean ? where(mask, s, hidden) : s + wide(mask);
  if (attrs.flag("causal")) s = where(causal_mask(q.dim(2), k.dim(2)), s, hidden);
  return s;
}

ScoreGradient attention_score_gradient(const AttentionGradient& in, const Attrs& attrs) {
  const Tensor s = attention_scores(in.q, in.k, in.mask, attrs);
  // A query that may look at no key has the log sum -infinity; its probabilities are 0.
  const Tensor log_sum = unsqueeze(in.log_sum, {3});
  const Tensor blind = eq(log_sum, number_like(-kInfinity, log_sum));
  const Tensor p = exp(s - where(blind, number_like(0, log_sum), log_sum));
  const Tensor g = wide(in.grad);
  Tensor dp = matmul(g, transposed(for_heads(wide(in.v), in.q.dim(1)))), dropped = p;
  if (const double rate = attrs.real("dropout"); rate > 0) {
    const std::int64_t seed = attrs.integer("seed"), stream = attrs.integer("stream");
    dropped = dropout(p, rate, seed, stream);
    dp = dropout(dp, rate, seed, stream);
  }
  Tensor through = sum(g * wide(in.y), {3}, true);
  if (in.grad_log_sum.defined()) through = through - unsqueeze(in.grad_log_sum, {3});
  return {p * (dp - through), dropped};
}

OnnxMap attention_onnx() {
  OnnxMap map = onnx_lowering();
  map.refuses = [](const Attrs& a) {
    return a.real("dropout") > 0
               ? "models are exported for inference, where dropout is 0; capture with dropout 0"
               : "";
  };
  return map;
}

std::vector<Sample> attention_samples(SampleMaker& m, bool blind) {
  const auto inputs = [&](std::int64_t b, std::int64_t h, std::int64_t hk, std::int64_t t,
                          std::int64_t s, std::int64_t d, std::int64_t e, Tensor mask) {
    return TensorList{m.tensor({b, h, t, d}), m.tensor({b, hk, s, d}), m.tensor({b, hk, s, e}),
                      std::move(mask)};
  };
  const auto booleans = [&](const Shape& shape) {
    // The first key is always there.
    const Tensor random = m.booleans(shape);
    const Tensor first = eq(Tensor::arange(shape.back()), Tensor::scalar(0, DType::i64));
    return logical_or(random, first);
  };
  std::vector<Sample> samples{
      m.sample(inputs(2, 2, 2, 3, 5, 4, 3, Tensor())),
      m.sample(inputs(1, 4, 2, 4, 4, 3, 3, Tensor()), {{"causal", true}}),
      m.sample(inputs(2, 2, 1, 2, 5, 2, 4, booleans({2, 1, 2, 5})), {{"scale", 0.7}}),
      m.sample(inputs(2, 2, 2, 3, 4, 2, 2, m.tensor({2, 3, 4}))),
      m.sample(inputs(1, 2, 2, 3, 7, 2, 2, booleans({7})), {{"causal", true}}),
      m.sample(inputs(1, 2, 1, 3, 6, 2, 2, Tensor()),
               {{"dropout", 0.4}, {"seed", std::int64_t{3}}, {"stream", std::int64_t{9}}}),
      m.sample(inputs(1, 2, 1, 70, 300, 3, 2, Tensor()), {{"causal", true}}),
      m.sample(inputs(0, 2, 2, 3, 4, 2, 2, Tensor())),
      m.sample(inputs(1, 2, 2, 0, 4, 2, 2, Tensor())),
  };
  if (blind) {
    samples.push_back(m.sample(inputs(1, 1, 1, 5, 3, 2, 2, Tensor()), {{"causal", true}}));
  }
  return samples;
}

}  // namespace athanor::ops
