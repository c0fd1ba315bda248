#include "athanor/ops/core/cross_entropy.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(cross_entropy_grad,
       "(grad, logits, target, logsumexp, weight?, label_smoothing: real = 0) -> y") {
  op.doc =
      "The gradient of softmax_cross_entropy by its logits: grad * (softmax(logits) * sum(q) - q). "
      "logsumexp is that of the logits: it saves the pass for their largest value.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta* weight = in[4].shape.empty() ? nullptr : &in[4];
    const Shape rows =
        check_cross_entropy("cross_entropy_grad", in[1], in[2], weight, a.real("label_smoothing"));
    require_same_dtype("cross_entropy_grad", "grad", in[0], "logits", in[1]);
    require_dtype("cross_entropy_grad", "logsumexp", in[3], dtype_bit(log_sum_dtype(in[1].dtype)));
    require<ShapeError>(in[0].shape == rows && in[3].shape == rows,
                        "cross_entropy_grad: grad {} and logsumexp {} must have the shape {}",
                        describe(in[0]), describe(in[3]), to_string(rows));
    return MetaList{in[1]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor& x = in[1];
    const Tensor q = target_distribution(x, in[2], in[4], a.real("label_smoothing"));
    const Tensor p = softmax(x, 1);
    const Tensor y = unsqueeze(in[0], {1}) * (p * sum(q, {1}, true) - q);
    return TensorList{cast(y, x.dtype())};
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Sample& s : cross_entropy_samples(m, false)) {
      const Shape rows = is_floating(s.inputs[1].dtype())
                             ? reduced_shape(s.inputs[1].shape(), {1}, false)
                             : s.inputs[1].shape();
      const Tensor log_sum = Tensor::empty(rows, log_sum_dtype(m.dtype()));
      log_sum.copy_from(m.tensor(rows, 3, 5));
      samples.push_back(m.sample({m.tensor(rows), s.inputs[0], s.inputs[1], log_sum, s.inputs[2]},
                                 {{"label_smoothing", s.attrs.real("label_smoothing")}}));
    }
    return samples;
  };
  op.bad = {
      {"cross_entropy_grad: logits are f32[3]",
       [](SampleMaker& m) {
         return m.sample(
             {m.tensor({}), m.tensor({3}), m.integers({}, 0, 3), Tensor::scalar(1), {}});
       }},
      {"cross_entropy_grad: grad f32[2] and logsumexp f32[3]", [](SampleMaker& m) {
         return m.sample(
             {m.tensor({2}), m.tensor({3, 4}), m.integers({3}, 0, 4), Tensor::zeros({3}), {}});
       }}};
}

}  // namespace athanor::ops
