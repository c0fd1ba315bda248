#include "athanor/ops/core/cross_entropy.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(nll_loss,
       "(x, target, weight?, ignore_index: dims = [], reduction: text = \"mean\") -> loss") {
  op.doc =
      "-x at the target class, the loss of log-probabilities x. x: [N, classes, ...]; target: "
      "integers [N, ...]; weight: [classes]; ignore_index: one number, targets of which count "
      "nothing. Reduced: none, mean (by the weights of the targets) or sum. Throws IndexError for "
      "a "
      "class outside [0, classes).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require<DTypeError>(!is_floating(in[1].dtype),
                        "nll_loss: target is {}; it must be class indices", describe(in[1]));
    const TensorMeta* weight = in[2].shape.empty() ? nullptr : &in[2];
    const Shape rows = check_cross_entropy("nll_loss", in[0], in[1], weight, 0);
    check_ignored("nll_loss", a);
    require_reduction("nll_loss", a.text("reduction"));
    return MetaList{{a.text("reduction") == "none" ? rows : Shape{}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Ignored target(in[1], a);
    const Tensor picked = neg(squeeze(gather(in[0], unsqueeze(target.classes, {1}), 1), {1}));
    const Tensor weights = in[2].defined() ? index_select(in[2], target.classes) : Tensor();
    return TensorList{target.reduced(weights.defined() ? picked * weights : picked, weights,
                                     a.text("reduction"))};
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::kernel;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({4, 3}), m.integers({4}, 0, 3), Tensor()}),
        m.sample({m.tensor({4, 3}), m.integers({4}, 0, 3), m.tensor({3}, 0.5, 2)},
                 {{"ignore_index", Dims{1}}}),
        m.sample({m.tensor({2, 5, 3}), m.integers({2, 3}, 0, 5), Tensor()},
                 {{"reduction", std::string("none")}, {"ignore_index", Dims{2}}}),
        m.sample({m.tensor({2, 5, 3}), m.integers({2, 3}, 0, 5), m.tensor({5}, 0.5, 2)},
                 {{"reduction", std::string("sum")}})};
  };
  op.bad = {
      {"nll_loss: target is f32[2,3]; it must be class indices",
       [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({2, 3}), Tensor()}); }},
      {"ignore_index is [1,2]; it must be one number", [](SampleMaker& m) {
         return m.sample({m.tensor({2, 3}), m.integers({2}, 0, 3), Tensor()},
                         {{"ignore_index", Dims{1, 2}}});
       }}};
}

}  // namespace athanor::ops
