#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(copysign, "(a, b) -> y") {
  op.doc =
      "|a| with the sign of b, element by element, broadcast; -0 is negative, NaN counts as "
      "positive.";
  op.formula = [](Expr a, Expr b) {
    return where(b < 0.0 || reciprocal(b) < 0.0, -abs(a), abs(a));
  };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = binary_samples(-2, 2, -2, 2, 0.1);
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
