#include "athanor/ops/core/loss.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(
    focal_loss,
    "(logits, target, alpha: real = 0.25, gamma: real = 2, reduction: text = \"mean\") -> loss") {
  op.doc =
      "The focal loss of independent labels (Lin et al. 2017): the sigmoid cross entropy times (1 "
      "- "
      "p)^gamma, p the probability of the right answer, times alpha for positives and 1 - alpha "
      "for "
      "negatives (alpha below 0: no such factor). target: like logits, in [0, 1]. Reduced: none, "
      "mean or sum.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require(a.real("alpha") <= 1, "focal_loss: alpha is {}, it must be at most 1", a.real("alpha"));
    require(a.real("gamma") >= 0, "focal_loss: gamma is {}, it cannot be negative",
            a.real("gamma"));
    return infer_loss("focal_loss", "logits", in, a);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor &x = in[0], &t = in[1];
    const double alpha = a.real("alpha"), gamma = a.real("gamma");
    const Tensor p = sigmoid(x);
    const Tensor entropy = bce_with_logits(x, t, {}, "none");
    const Tensor wrong = 1.0 - (p * t + (1.0 - p) * (1.0 - t));
    Tensor loss = entropy;
    if (gamma == 2) {
      loss = loss * wrong * wrong;
    } else if (gamma != 0) {
      loss = loss * pow(wrong, Tensor::scalar(gamma, x.dtype()));
    }
    if (alpha >= 0) loss = loss * (t * alpha + (1.0 - t) * (1 - alpha));
    return reduce_loss(loss, a);
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::kernel;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    auto samples = loss_samples(m, -2, 2, 0.05, 0.95);
    samples.push_back(
        m.sample({m.tensor({4, 3}), m.tensor({4, 3}, 0, 1)}, {{"alpha", -1.0}, {"gamma", 1.5}}));
    samples.push_back(m.sample({m.tensor({4}), m.tensor({4}, 0, 1)}, {{"gamma", 0.0}}));
    return samples;
  };
  op.bad = bad_losses("focal_loss", "logits");
  op.bad.push_back({"gamma is -1, it cannot be negative", [](SampleMaker& m) {
                      return m.sample({m.tensor({2}), m.tensor({2})}, {{"gamma", -1.0}});
                    }});
}

}  // namespace athanor::ops
