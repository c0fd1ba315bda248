#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(log1p, "(x) -> y") {
  op.doc = "log(1 + x) without cancellation near 0, element by element; -inf at -1, NaN below.";
  op.formula = [](Expr x) { return log1p(x); };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-0.7, 3);
  op.edges = {-0.0, 1e-10, -1e-10, 1e-40, -1, -2, 1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
