#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(sign, "(x) -> y") {
  op.doc = "-1, 0 or 1 with the sign of x; NaN stays NaN. The gradient is 0.";
  op.dtypes = kNumbers;
  op.formula = [](Expr x) { return sign(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Sign");
  op.samples = unary_samples(-3, 3, 0.1);
  op.edges = {-0.0, 0, 1e-40, -1e30, kInfinity, -kInfinity, kNaN};
}

}  // namespace athanor::ops
