#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(expm1, "(x) -> y") {
  op.doc = "exp(x) - 1 without cancellation near 0, element by element.";
  op.formula = [](Expr x) { return expm1(x); };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-3, 3);
  op.edges = {-0.0, 1e-10, -1e-10, 1e-40, -104, 88.7, 90, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
