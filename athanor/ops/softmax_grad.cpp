#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/rows.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(softmax_grad, "(grad, y, axis: integer = -1) -> x") {
  op.doc =
      "The gradient of softmax by its input, from the gradient by its output y: "
      "y * (grad - sum(grad * y)).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_same_dtype("softmax_grad", "grad", in[0], "y", in[1]);
    require<ShapeError>(in[0].shape == in[1].shape, "softmax_grad: grad {} and y {} differ",
                        describe(in[0]), describe(in[1]));
    return infer_rows("softmax_grad", in[0], a);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{in[1] * (in[0] - sum(in[0] * in[1], {a.integer("axis")}, true))};
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) { return row_samples(m, 2); };
  op.bad = bad_rows("softmax_grad", 2);
  op.bad.push_back({"softmax_grad: grad",
                    [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({2, 4})}); }});
}

}  // namespace athanor::ops
