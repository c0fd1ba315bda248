#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(atan, "(x) -> y") {
  op.doc = "The angle in [-pi/2, pi/2] whose tangent is x.";
  op.formula = [](Expr x) { return atan(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Atan");
  op.samples = unary_samples(-4, 4);
  op.edges = {-0.0,  0,    1e-30, 0.41,      -0.42,      2.41, 2.42,
              -2.42, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
