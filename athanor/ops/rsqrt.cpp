#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(rsqrt, "(x) -> y") {
  op.doc = "1 / sqrt(x), element by element; NaN below 0.";
  op.formula = [](Expr x) { return rsqrt(x); };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(0.2, 4);
  op.edges = {-0.0, 0, 1e30, 1e-30, -1, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
