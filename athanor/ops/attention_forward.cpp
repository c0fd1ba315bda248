#include "athanor/ops/core/attention.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(attention_forward,
       "(q, k, v, mask?, causal: flag = false, scale: real = 0, dropout: real = 0, seed: integer = "
       "0, stream: integer = 0) -> y, logsumexp") {
  op.doc =
      "attention, which see, together with the logarithm of each query's sum of exponentials, [B, "
      "H, T], in f32 for half precision: all that the gradient keeps of the scores. A query that "
      "may look at no key has -infinity.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const AttentionShape s = check_attention("attention_forward", in[0], in[1], in[2], in[3], a);
    return MetaList{{{s.batch, s.heads, s.queries, s.value_size}, in[0].dtype},
                    {{s.batch, s.heads, s.queries}, statistics_dtype(in[0].dtype)}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype(), s_dtype = statistics_dtype(dtype);
    const Tensor s = attention_scores(in[0], in[1], in[3], a);
    // A finite shift, so that a row of -infinity alone gives 0 and no NaN.
    const Tensor top = maximum(amax(s, {3}, true), number_like(-1e30, s));
    const Tensor e = exp(s - top), total = sum(e, {3}, true);
    Tensor p = e / maximum(total, number_like(1e-37, total));
    if (a.real("dropout") > 0)
      p = dropout(p, a.real("dropout"), a.integer("seed"), a.integer("stream"));
    const Tensor v = for_heads(dtype == s_dtype ? in[2] : cast(in[2], s_dtype), in[0].dim(1));
    const Tensor y = matmul(p, v);
    return TensorList{dtype == s_dtype ? y : cast(y, dtype), squeeze(top + log(total), {3})};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    const Tensor mask = v.input(3);
    const Tensor grad_log_sum = v.has_grad(1) ? v.grad(1) : Tensor();
    const auto [dq, dk, dv] =
        attention_grad(v.grad(0), v.input(0), v.input(1), v.input(2), v.output(0), v.output(1),
                       mask, grad_log_sum, a.flag("causal"), a.real("scale"), a.real("dropout"),
                       a.integer("seed"), a.integer("stream"));
    TensorList out{dq, dk, dv, Tensor()};
    if (mask.defined() && is_floating(mask.dtype()) && v.needs(3)) {
      // A bias that is learned is as large as the scores themselves.
      const AttentionGradient in{v.grad(0),   v.input(0),  v.input(1), v.input(2),
                                 v.output(0), v.output(1), mask,       grad_log_sum};
      const Tensor d = summed_to(attention_score_gradient(in, a).scores, mask.shape());
      out[3] = d.dtype() == mask.dtype() ? d : cast(d, mask.dtype());
    }
    return out;
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.random = true;
  op.amp = Precision::run_low;
  op.shard = Shard::batch;
  op.onnx = attention_onnx();
  op.samples = [](SampleMaker& m) { return attention_samples(m, false); };
  op.bad = {{"attention_forward: there are no keys", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 2, 2}), m.tensor({1, 1, 0, 2}),
                                m.tensor({1, 1, 0, 2}), Tensor()});
             }}};
}

}  // namespace athanor::ops
