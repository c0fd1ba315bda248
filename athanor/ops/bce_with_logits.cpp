#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/loss.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(bce_with_logits, "(logits, target, weight?, reduction: text = \"mean\") -> loss") {
  op.doc =
      "Binary cross entropy of sigmoid(logits) against target in [0, 1], element by element, times "
      "weight (broadcast to logits), reduced: none, mean or sum. Computed as "
      "max(x, 0) - x * t + log1p(exp(-|x|)).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    // An absent weight has the meta of a default tensor: f32 of rank 0, which broadcasts as well.
    if (!in[2].shape.empty()) {
      require_same_dtype("bce_with_logits", "logits", in[0], "weight", in[2]);
      require<ShapeError>(
          broadcast_shapes(in[0].shape, in[2].shape, "bce_with_logits") == in[0].shape,
          "bce_with_logits: weight {} does not broadcast to logits {}", describe(in[2]),
          describe(in[0]));
    }
    return infer_loss("bce_with_logits", "logits", in.first(2), a);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    // One branch for each sign, so that the derivative is right at 0 too.
    static const Expr x = Expr::argument(0), t = Expr::argument(1);
    static const Expr loss = where(x > 0.0, x - x * t + log1p(exp(-x)), log1p(exp(x)) - x * t);
    static const Expr weighted = loss * Expr::argument(2);
    if (!in[2].defined()) return reduce_loss(pointwise(in.first(2), loss), a);
    return reduce_loss(pointwise(in, weighted), a);
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples = loss_samples(m, -4, 4, 0, 1);
    for (Sample& s : samples) s.inputs.push_back({});
    samples.push_back(
        m.sample({m.tensor({3, 4}, -4, 4), m.tensor({3, 4}, 0, 1), m.tensor({4}, 0.2, 2)}));
    samples.push_back(
        m.sample({m.tensor({3, 4}, -4, 4), m.tensor({3, 4}, 0, 1), m.tensor({3, 1}, 0.2, 2)},
                 {{"reduction", std::string("sum")}}));
    return samples;
  };
  op.bad = bad_losses("bce_with_logits", "logits");
  op.bad.push_back(
      {"bce_with_logits: weight f32[2,4] does not broadcast to logits f32[4]",
       [](SampleMaker& m) { return m.sample({m.tensor({4}), m.tensor({4}), m.tensor({2, 4})}); }});
}

}  // namespace athanor::ops
