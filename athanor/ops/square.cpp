#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(square, "(x) -> y") {
  op.doc = "x * x, element by element.";
  op.dtypes = kNumbers;
  op.formula = [](Expr x) { return x * x; };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-3, 3);
  op.edges = {-0.0, 1e-30, 1e10, -1e30, kInfinity, -kInfinity, kNaN};
}

}  // namespace athanor::ops
