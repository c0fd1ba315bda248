#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(exp2, "(x) -> y") {
  op.doc = "2 to the power of x, element by element.";
  op.formula = [](Expr x) { return pow(2.0, x); };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-3, 3);
  op.edges = {-0.0, 1, 10, -20, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
