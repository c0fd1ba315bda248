#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/rows.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(softmax, "(x, axis: integer = -1) -> y") {
  op.doc =
      "exp(x) / sum(exp(x)) along an axis, computed from x - max(x). A line with NaN or +inf, or "
      "of "
      "-inf alone, gives NaN.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_rows("softmax", in[0], a);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims axis{a.integer("axis")};
    if (in[0].count() == 0) return TensorList{contiguous(in[0])};
    const Tensor e = exp(in[0] - amax(in[0], axis, true));
    return TensorList{e / sum(e, axis, true)};
  };
  op.vjp = [](const Vjp& v) {
    return softmax_grad(v.grad(), v.output(), v.attrs().integer("axis"));
  };
  op.saves = Saves::outputs;
  op.amp = Precision::run_f32;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::axes;
  op.onnx = onnx_rows("Softmax", softmax);
  op.samples = [](SampleMaker& m) { return row_samples(m, 1); };
  op.bad = bad_rows("softmax", 1);
}

}  // namespace athanor::ops
