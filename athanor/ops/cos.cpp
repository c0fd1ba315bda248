#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(cos, "(x) -> y") {
  op.doc = "The cosine of x radians, element by element.";
  op.formula = [](Expr x) { return cos(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Cos");
  op.samples = unary_samples(-4, 4);
  op.edges = {-0.0, 1e-40, 1.57079637, 1000, -8191.5, 1e6, 1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
