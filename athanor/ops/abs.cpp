#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(abs, "(x) -> y") {
  op.doc = "|x|, element by element; the gradient at 0 is 0.";
  op.dtypes = kNumbers;
  op.formula = [](Expr x) { return abs(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Abs");
  op.samples = unary_samples(-3, 3, 0.1);
  op.edges = {-0.0, 0, -1e30, 1e-40, kInfinity, -kInfinity, kNaN};
}

}  // namespace athanor::ops
