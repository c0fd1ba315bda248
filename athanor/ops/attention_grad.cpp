#include "athanor/ops/core/attention.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// The gradient of keys or values by heads, [B, H, S, D], as that of the key heads.
Tensor of_key_heads(const Tensor& x, std::int64_t key_heads) {
  const std::int64_t heads = x.dim(1);
  if (heads == key_heads) return x;
  const Tensor groups = reshape(x, {0, key_heads, heads / key_heads, x.dim(2) * x.dim(3)});
  return reshape(sum(groups, {2}), {0, key_heads, x.dim(2), x.dim(3)});
}

}  // namespace

ATH_OP(attention_grad,
       "(grad, q, k, v, y, logsumexp, mask?, grad_logsumexp?, causal: flag = false, scale: real = "
       "0, dropout: real = 0, seed: integer = 0, stream: integer = 0) -> dq, dk, dv") {
  op.doc =
      "The gradients of attention_forward by q, k and v, from those by its outputs y and "
      "logsumexp: "
      "the scores are computed again, block by block (Dao 2023, arXiv:2307.08691, algorithm 2).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const AttentionShape s = check_attention("attention_grad", in[1], in[2], in[3], in[6], a);
    const Shape y{s.batch, s.heads, s.queries, s.value_size};
    const Shape rows{s.batch, s.heads, s.queries};
    require<ShapeError>(in[0].shape == y && in[4].shape == y,
                        "attention_grad: grad {} and y {} must have the shape {}", describe(in[0]),
                        describe(in[4]), to_string(y));
    require<ShapeError>(in[5].shape == rows && (in[7].shape.empty() || in[7].shape == rows),
                        "attention_grad: logsumexp {} and its gradient {} must have the shape {}",
                        describe(in[5]), describe(in[7]), to_string(rows));
    require_dtype("attention_grad", "logsumexp", in[5], dtype_bit(statistics_dtype(in[1].dtype)));
    require_same_dtype("attention_grad", "grad", in[0], "q", in[1]);
    return MetaList{in[1], in[2], in[3]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[1].dtype(), s = statistics_dtype(dtype);
    const auto wide = [&](const Tensor& t) { return t.dtype() == s ? t : cast(t, s); };
    const auto narrow = [&](const Tensor& t) { return dtype == s ? t : cast(t, dtype); };
    const AttentionGradient given{in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]};
    const ScoreGradient d = attention_score_gradient(given, a);
    const double scale = attention_scale(a, in[1].dim(3));
    const std::int64_t heads = in[1].dim(1), key_heads = in[2].dim(1);
    const Tensor ds = d.scores * scale;
    return TensorList{narrow(matmul(ds, for_heads(wide(in[2]), heads))),
                      narrow(of_key_heads(matmul(transposed(ds), wide(in[1])), key_heads)),
                      narrow(of_key_heads(matmul(transposed(d.dropped), wide(in[0])), key_heads))};
  };
  op.random = true;
  op.amp = Precision::run_low;
  op.shard = Shard::batch;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Sample& s : attention_samples(m, false)) {
      const Attrs& a = s.attrs;
      const auto found = attention_forward(s.inputs[0], s.inputs[1], s.inputs[2], s.inputs[3],
                                           a.flag("causal"), a.real("scale"), a.real("dropout"),
                                           a.integer("seed"), a.integer("stream"));
      const bool both = samples.size() % 2 == 0;
      const Tensor rows = cast(m.tensor(found[1].shape()), found[1].dtype());
      samples.push_back(m.sample({m.tensor(found[0].shape()), s.inputs[0], s.inputs[1], s.inputs[2],
                                  found[0], found[1], s.inputs[3], both ? rows : Tensor()},
                                 {{"causal", a.flag("causal")},
                                  {"scale", a.real("scale")},
                                  {"dropout", a.real("dropout")},
                                  {"seed", a.integer("seed")},
                                  {"stream", a.integer("stream")}}));
    }
    return samples;
  };
  op.bad = {{"attention_grad: grad", [](SampleMaker& m) {
               const Tensor x = m.tensor({1, 1, 2, 2});
               return m.sample({m.tensor({1, 1, 2, 3}), x, x, x, x,
                                cast(m.tensor({1, 1, 2}), statistics_dtype(m.dtype())), Tensor(),
                                Tensor()});
             }}};
}

}  // namespace athanor::ops
