#include "athanor/ops/core/cross_entropy.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(softmax_cross_entropy,
       "(logits, target, weight?, label_smoothing: real = 0) -> loss, logsumexp") {
  op.doc =
      "The cross entropy of each row, [N, ...] for logits [N, classes, ...], and the "
      "log-sum-exp of the logits that its gradient reads (f32, of f64 logits f64). target: class "
      "indices [N, ...] or "
      "probabilities like logits. Class weights and label smoothing as PyTorch defines them: with "
      "q = weight * ((1 - s) * target + s / classes) the loss is sum(q * (logsumexp - logits)).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta* weight = in[2].shape.empty() ? nullptr : &in[2];
    const Shape rows = check_cross_entropy("softmax_cross_entropy", in[0], in[1], weight,
                                           a.real("label_smoothing"));
    return MetaList{{rows, in[0].dtype}, {rows, log_sum_dtype(in[0].dtype)}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor& x = in[0];
    const Tensor q = target_distribution(x, in[1], in[2], a.real("label_smoothing"));
    const Tensor log_sum = logsumexp(cast(x, DType::f64), {1}, true);
    // A class that does not count must not bring in 0 * inf.
    const Tensor terms =
        where(eq(q, number_like(0, q)), Tensor::scalar(0, DType::f64), q * (log_sum - x));
    return TensorList{cast(sum(terms, {1}), x.dtype()),
                      cast(squeeze(log_sum, {1}), log_sum_dtype(x.dtype()))};
  };
  op.vjp = [](const Vjp& v) {
    const double smoothing = v.attrs().real("label_smoothing");
    const Tensor &x = v.input(0), &target = v.input(1), &weight = v.input(2);
    const Tensor& log_sum = v.output(1);
    TensorList grads(3);
    if (v.needs(0)) {
      if (v.has_grad(0))
        grads[0] = cross_entropy_grad(v.grad(0), x, target, log_sum, weight, smoothing);
      if (v.has_grad(1)) {
        const Tensor p = exp(x - unsqueeze(log_sum, {1}));
        const Tensor g = cast(unsqueeze(v.grad(1), {1}) * p, x.dtype());
        grads[0] = grads[0].defined() ? grads[0] + g : g;
      }
    }
    if (!v.needs(1) && !(weight.defined() && v.needs(2))) return grads;
    const Tensor surprise =
        cast(unsqueeze(v.grad(0), {1}) * (unsqueeze(log_sum, {1}) - x), x.dtype());
    if (v.needs(1)) {
      const Tensor g = surprise * (1 - smoothing);
      grads[1] = weight.defined() ? g * along_classes(weight, x) : g;
    }
    if (weight.defined() && v.needs(2)) {
      Dims axes{0};
      for (std::int64_t i = 2; i < x.rank(); ++i) axes.push_back(i);
      grads[2] = sum(surprise * smoothed_target(x, target, smoothing), axes);
    }
    return grads;
  };
  op.saves = Saves::inputs | Saves::output(1);
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) { return cross_entropy_samples(m, false); };
  op.bad = bad_cross_entropy("softmax_cross_entropy");
}

}  // namespace athanor::ops
