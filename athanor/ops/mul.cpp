#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(mul, "(a, b) -> y") {
  op.doc = "a * b, element by element, broadcast.";
  op.dtypes = kNumbers;
  op.formula = [](Expr a, Expr b) { return a * b; };
  op.may_alias = true;
  op.onnx = onnx_node("Mul");
  op.samples = binary_samples(-3, 3, -3, 3);
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
