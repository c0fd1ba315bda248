#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(atan2, "(y, x) -> angle") {
  op.doc =
      "The angle in [-pi, pi] of the point (x, y), element by element, broadcast: the arc tangent "
      "of y / x on the right side of the signs.";
  op.formula = [](Expr y, Expr x) { return atan2(y, x); };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  // Off the line where the angle jumps from pi to -pi.
  op.samples = binary_samples(-2, 2, -2, 2, 0.2);
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
