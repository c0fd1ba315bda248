#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/loss.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(kl_div, "(x, target, log_target: flag = false, reduction: text = \"mean\") -> loss") {
  op.doc =
      "target (log target - x), element by element, the Kullback-Leibler divergence of "
      "log-probabilities x from the probabilities target (with log_target: their logarithms); 0 "
      "where target is 0. Reduced: none, mean (of all elements, as PyTorch), sum, or batchmean "
      "(the "
      "sum over the leading size, the divergence itself).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const bool batch = a.text("reduction") == "batchmean";
    require<ShapeError>(!batch || !in[0].shape.empty(),
                        "kl_div: the reduction batchmean needs an axis of examples, x is {}",
                        describe(in[0]));
    return infer_loss("kl_div", "x", in, batch ? a.with("reduction", std::string("sum")) : a);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor &x = in[0], &t = in[1];
    Tensor loss;
    if (a.flag("log_target")) {
      loss = exp(t) * (t - x);
    } else {
      const Tensor zero = Tensor::scalar(0, t.dtype()), one = Tensor::scalar(1, t.dtype());
      const Tensor some = gt(t, zero);
      loss = where(some, t * log(where(some, t, one)), zero) - t * x;
    }
    if (a.text("reduction") != "batchmean") return reduce_loss(loss, a);
    return TensorList{sum(loss) * (1.0 / static_cast<double>(x.dim(0)))};
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::kernel;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    auto samples = loss_samples(m, -3, -0.1, 0.1, 0.9);
    samples.push_back(m.sample({m.tensor({3, 4}, -3, 0), m.tensor({3, 4}, -3, 0)},
                               {{"log_target", true}, {"reduction", std::string("batchmean")}}));
    return samples;
  };
  op.bad = bad_losses("kl_div", "x");
  op.bad.back() = {"kl_div: reduction is \"avg\"", [](SampleMaker& m) {
                     return m.sample({m.tensor({4}), m.tensor({4})},
                                     {{"reduction", std::string("avg")}});
                   }};
  op.bad.push_back({"batchmean needs an axis", [](SampleMaker& m) {
                      return m.sample({m.tensor({}), m.tensor({})},
                                      {{"reduction", std::string("batchmean")}});
                    }});
}

}  // namespace athanor::ops
