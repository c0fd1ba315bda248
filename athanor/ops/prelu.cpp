#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(prelu, "(x, slope) -> y") {
  op.doc =
      "x where it is above 0, slope * x elsewhere, with slopes that are learnt (He et al. 2015). "
      "slope is broadcast to x: [C, 1, 1] for one a channel of [N, C, H, W].";
  op.formula = [](Expr x, Expr slope) { return where(x > 0.0, x, x * slope); };
  op.may_alias = true;
  op.onnx = onnx_node("PRelu");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.nonzero({2, 3, 4, 4}, -3, 3, 0.1), m.tensor({3, 1, 1}, -0.5, 0.5)}),
        m.sample({m.nonzero({5}, -3, 3, 0.1), m.tensor({}, -0.5, 0.5)}),
        m.sample({m.nonzero({}, -3, -1, 0.1), m.tensor({}, 0.1, 0.5)}),
        m.sample({m.nonzero({0, 3}, -3, 3, 0.1), m.tensor({3}, -0.5, 0.5)}),
        m.sample({m.nonzero({1025}, -3, 3, 0.1), m.tensor({1}, -0.5, 0.5)})};
  };
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
