#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(sin, "(x) -> y") {
  op.doc = "The sine of x radians, element by element.";
  op.formula = [](Expr x) { return sin(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Sin");
  op.samples = unary_samples(-4, 4);
  op.edges = {-0.0, 1e-40, 3.14159274, 1000, -8191.5, 1e6, 1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
