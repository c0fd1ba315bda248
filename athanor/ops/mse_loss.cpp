#include "athanor/ops/core/loss.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(mse_loss, "(x, target, reduction: text = \"mean\") -> loss") {
  op.doc = "(x - target)^2, element by element, reduced: none, mean or sum.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_loss("mse_loss", "x", in, a);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    static const Expr difference = Expr::argument(0) - Expr::argument(1);
    static const Expr squared = difference * difference;
    return reduce_loss(pointwise(in, squared), a);
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) { return loss_samples(m, -2, 2, -2, 2); };
  op.bad = bad_losses("mse_loss", "x");
}

}  // namespace athanor::ops
