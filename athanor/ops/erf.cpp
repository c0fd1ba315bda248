#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(erf, "(x) -> y") {
  op.doc = "The error function, 2 / sqrt(pi) times the integral of exp(-t * t) from 0 to x.";
  op.formula = [](Expr x) { return erf(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Erf");
  op.samples = unary_samples(-3, 3);
  op.edges = {-0.0, 1e-10, 1e-40, -3.9, 4.1, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
