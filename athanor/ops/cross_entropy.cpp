#include "athanor/ops/core/cross_entropy.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(cross_entropy,
       "(logits, target, weight?, label_smoothing: real = 0, reduction: text = \"mean\") -> loss") {
  op.doc =
      "Cross entropy of softmax(logits) against target. logits: [N, classes, ...]; target: class "
      "indices [N, ...] (integers) or probabilities like logits; weight: [classes]; reduction: "
      "none, mean or sum. As in PyTorch: the mean over class indices with weights divides by the "
      "sum of the weights of the targets, any other mean by the number of rows. Throws IndexError "
      "for a class outside [0, classes).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta* weight = in[2].shape.empty() ? nullptr : &in[2];
    const Shape rows =
        check_cross_entropy("cross_entropy", in[0], in[1], weight, a.real("label_smoothing"));
    const std::string& reduction = a.text("reduction");
    require_reduction("cross_entropy", reduction);
    return MetaList{{reduction == "none" ? rows : Shape{}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::string& reduction = a.text("reduction");
    const Tensor loss = softmax_cross_entropy(in[0], in[1], in[2], a.real("label_smoothing"))[0];
    if (reduction == "none") return TensorList{loss};
    if (reduction == "sum") return TensorList{sum(loss)};
    if (!in[2].defined() || is_floating(in[1].dtype())) return TensorList{mean(loss)};
    return TensorList{sum(loss) / sum(index_select(in[2], in[1]))};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.onnx.from.emplace_back("SoftmaxCrossEntropyLoss", [](const OnnxReader& node) {
    const Tensor logits = node.input(0);
    if (node.has("ignore_index")) {
      const std::int64_t ignored = node.integer("ignore_index", -1);
      require<UnsupportedError>(ignored < 0 || ignored >= logits.dim(1),
                                "ONNX SoftmaxCrossEntropyLoss: ignore_index {} is a class",
                                ignored);
    }
    require<UnsupportedError>(node.output_count() == 1,
                              "ONNX SoftmaxCrossEntropyLoss: the output log_prob is not supported");
    const Tensor weight = node.input_count() > 2 ? node.input(2) : Tensor();
    return TensorList{
        cross_entropy(logits, node.input(1), weight, 0, node.text("reduction", "mean"))};
  });
  op.samples = [](SampleMaker& m) { return cross_entropy_samples(m, true); };
  op.bad = bad_cross_entropy("cross_entropy");
  op.bad.push_back(
      {"cross_entropy: reduction is \"max\"; it can be none, mean, sum", [](SampleMaker& m) {
         return m.sample({m.tensor({2, 3}), m.integers({2}, 0, 3), {}},
                         {{"reduction", std::string("max")}});
       }});
}

}  // namespace athanor::ops
