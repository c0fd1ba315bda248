#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(asin, "(x) -> y") {
  op.doc = "The angle in [-pi/2, pi/2] whose sine is x; NaN beyond -1 and 1.";
  op.formula = [](Expr x) { return asin(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Asin");
  op.samples = unary_samples(-0.9, 0.9);
  op.edges = {-0.0, 0,  1e-30, 0.5,  -0.5,      0.51,       0.999999,
              1,    -1, 1.1,   -1.1, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
