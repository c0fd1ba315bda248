#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(hypot, "(a, b) -> y") {
  op.doc = "sqrt(a^2 + b^2), element by element, broadcast, without overflow of the squares.";
  op.formula = [](Expr a, Expr b) {
    const Expr x = max(abs(a), abs(b)), y = min(abs(a), abs(b)), r = y / where(x == 0.0, 1.0, x);
    return x * sqrt(1.0 + r * r);
  };
  op.vjp = [](const Vjp& v) {
    const Tensor g = v.grad() / v.output();
    return TensorList{sum_to(g * v.input(0), v.meta(0).shape),
                      sum_to(g * v.input(1), v.meta(1).shape)};
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = binary_samples(-2, 2, -2, 2, 0.1);
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
