#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(neg, "(x) -> y") {
  op.doc = "-x, element by element.";
  op.dtypes = kNumbers;
  op.formula = [](Expr x) { return -x; };
  op.may_alias = true;
  op.onnx = onnx_node("Neg");
  op.samples = unary_samples(-3, 3);
  op.edges = {-0.0, 0, 1e30, kInfinity, -kInfinity, kNaN};
}

}  // namespace athanor::ops
