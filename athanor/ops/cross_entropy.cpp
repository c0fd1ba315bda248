#include "athanor/ops/core/cross_entropy.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(cross_entropy,
       "(logits, target, weight?, label_smoothing: real = 0, reduction: text = \"mean\", "
       "ignore_index: "
       "dims = []) -> loss") {
  op.doc =
      "Cross entropy of softmax(logits) against target. logits: [N, classes, ...]; target: class "
      "indices [N, ...] (integers) or probabilities like logits; weight: [classes]; reduction: "
      "none, mean or sum. As in PyTorch: the mean over class indices with weights divides by the "
      "sum of the weights of the targets, any other mean by the number of rows. ignore_index: one "
      "number, rows with that class index count nothing. Throws IndexError for a class outside [0, "
      "classes).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta* weight = in[2].shape.empty() ? nullptr : &in[2];
    const Shape rows =
        check_cross_entropy("cross_entropy", in[0], in[1], weight, a.real("label_smoothing"));
    const std::string& reduction = a.text("reduction");
    require_reduction("cross_entropy", reduction);
    check_ignored("cross_entropy", a);
    require(a.dims("ignore_index").empty() || !is_floating(in[1].dtype),
            "cross_entropy: ignore_index is for class indices, target is {}", describe(in[1]));
    return MetaList{{reduction == "none" ? rows : Shape{}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::string& reduction = a.text("reduction");
    if (!a.dims("ignore_index").empty()) {
      const Ignored target(in[1], a);
      const Tensor rows =
          softmax_cross_entropy(in[0], target.classes, in[2], a.real("label_smoothing"))[0];
      return TensorList{target.reduced(
          rows, in[2].defined() ? index_select(in[2], target.classes) : Tensor(), reduction)};
    }
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
    Dims ignored;
    if (node.has("ignore_index")) ignored.push_back(node.integer("ignore_index", -1));
    require<UnsupportedError>(node.output_count() == 1,
                              "ONNX SoftmaxCrossEntropyLoss: the output log_prob is not supported");
    const Tensor weight = node.input_count() > 2 ? node.input(2) : Tensor();
    return TensorList{
        cross_entropy(logits, node.input(1), weight, 0, node.text("reduction", "mean"), ignored)};
  });
  op.samples = [](SampleMaker& m) {
    auto samples = cross_entropy_samples(m, true);
    samples.push_back(m.sample({m.tensor({5, 3}), m.integers({5}, 0, 3), Tensor()},
                               {{"ignore_index", Dims{1}}, {"label_smoothing", 0.1}}));
    samples.push_back(
        m.sample({m.tensor({2, 3, 4}), m.integers({2, 4}, 0, 3), m.tensor({3}, 0.5, 2)},
                 {{"ignore_index", Dims{2}}}));
    return samples;
  };
  op.bad = bad_cross_entropy("cross_entropy");
  op.bad.push_back(
      {"cross_entropy: reduction is \"max\"; it can be none, mean, sum", [](SampleMaker& m) {
         return m.sample({m.tensor({2, 3}), m.integers({2}, 0, 3), {}},
                         {{"reduction", std::string("max")}});
       }});
}

}  // namespace athanor::ops
