#include "athanor/ops/core/loss.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(l1_loss, "(x, target, reduction: text = \"mean\") -> loss") {
  op.doc =
      "|x - target|, element by element, reduced: none, mean or sum. The gradient of equal values "
      "is 0.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_loss("l1_loss", "x", in, a);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    static const Expr distance = abs(Expr::argument(0) - Expr::argument(1));
    return reduce_loss(pointwise(in, distance), a);
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  // Apart from each other: the kink of |x| has no central difference.
  op.samples = [](SampleMaker& m) { return loss_samples(m, 1, 2, -2, 0.5); };
  op.bad = bad_losses("l1_loss", "x");
}

}  // namespace athanor::ops
