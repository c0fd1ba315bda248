#include "athanor/ops/core/loss.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(huber_loss, "(x, target, delta: real = 1, reduction: text = \"mean\") -> loss") {
  op.doc =
      "0.5 d^2 where d = |x - target| is below delta, delta (d - 0.5 delta) elsewhere (Huber "
      "1964), "
      "reduced: none, mean or sum. Divided by delta it is the smooth L1 loss with beta = delta.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require(a.real("delta") > 0, "huber_loss: delta is {}, it must be positive", a.real("delta"));
    return infer_loss("huber_loss", "x", in, a);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const double delta = a.real("delta");
    const Tensor d = abs(in[0] - in[1]);
    const Tensor near = d * d * 0.5, far = (d - 0.5 * delta) * delta;
    return reduce_loss(where(lt(d, Tensor::scalar(delta, d.dtype())), near, far), a);
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::kernel;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    auto samples = loss_samples(m, 1, 2, -2, 0.5);  // apart from the kink
    for (Sample& s : samples) s.attrs = s.attrs.with("delta", 0.25);
    samples.push_back(m.sample({m.tensor({7}, 0, 0.4), m.tensor({7}, 0.5, 0.9)}));
    return samples;
  };
  op.bad = bad_losses("huber_loss", "x");
  op.bad.push_back({"delta is 0, it must be positive", [](SampleMaker& m) {
                      return m.sample({m.tensor({2}), m.tensor({2})}, {{"delta", 0.0}});
                    }});
}

}  // namespace athanor::ops
