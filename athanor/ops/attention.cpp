#include "athanor/ops/core/attention.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(attention,
       "(q, k, v, mask?, causal: flag = false, scale: real = 0, dropout: real = 0, seed: integer = "
       "0, stream: integer = 0) -> y") {
  op.doc =
      "Scaled dot-product attention, softmax(q k^T * scale + mask) v, without ever storing the "
      "scores (Dao et al. 2022, arXiv:2205.14135). q: [B, H, T, D], k: [B, Hk, S, D], v: [B, Hk, "
      "S, E], y: [B, H, T, E]; each key head serves H / Hk heads of q. mask broadcasts to [B, H, "
      "T, "
      "S]: bool, true where a query may look, or floating, added to the scores. `causal`: the last "
      "query sees all keys, each one before it one less. scale 0 means 1 / sqrt(D). `dropout` sets "
      "probabilities to 0 as the op dropout does on [B, H, T, S]. A query that may look at no key "
      "gives 0.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const AttentionShape s = check_attention("attention", in[0], in[1], in[2], in[3], a);
    return MetaList{{{s.batch, s.heads, s.queries, s.value_size}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{attention_forward(in[0], in[1], in[2], in[3], a.flag("causal"),
                                        a.real("scale"), a.real("dropout"), a.integer("seed"),
                                        a.integer("stream"))[0]};
  };
  op.random = true;
  op.amp = Precision::run_low;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = attention_onnx();
  op.samples = [](SampleMaker& m) { return attention_samples(m, true); };
  op.bad = {{"attention: q must be [B, H, T, D], k [B, Hk, S, D] and v [B, Hk, S, E]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 2, 3, 4}), m.tensor({1, 2, 3, 5}),
                                m.tensor({1, 2, 3, 4}), Tensor()});
             }},
            {"attention: the 3 heads of q must be a multiple of the 2 heads",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 3, 3, 4}), m.tensor({1, 2, 3, 4}),
                                m.tensor({1, 2, 3, 4}), Tensor()});
             }},
            {"attention: mask must broadcast to the scores [1,2,3,5]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 2, 3, 4}), m.tensor({1, 2, 5, 4}),
                                m.tensor({1, 2, 5, 4}), m.booleans({2, 2, 3, 5})});
             }},
            {"attention: dropout is 1, it must be in [0, 1)", [](SampleMaker& m) {
               const Tensor x = m.tensor({1, 1, 2, 2});
               return m.sample({x, x, x, Tensor()}, {{"dropout", 1.0}});
             }}};
}

}  // namespace athanor::ops
