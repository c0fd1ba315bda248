#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(logaddexp, "(a, b) -> y") {
  op.doc = "log(e^a + e^b), element by element, broadcast, without overflow; -inf where both are.";
  op.formula = [](Expr a, Expr b) {
    // The difference of equal infinities is NaN: they count as equal at once.
    return max(a, b) + log1p(exp(where(a == b, 0.0, -abs(a - b))));
  };
  // The corners of max and abs cancel.
  op.vjp = [](const Vjp& v) {
    const Tensor share = sigmoid(v.input(0) - v.input(1));
    return TensorList{sum_to(v.grad() * share, v.meta(0).shape),
                      sum_to(v.grad() * (1.0 - share), v.meta(1).shape)};
  };
  op.saves = Saves::inputs;
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = binary_samples(-2, 2, -2, 2);
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
