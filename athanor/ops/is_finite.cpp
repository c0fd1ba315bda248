#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(is_finite, "(x) -> y") {
  op.doc = "True where x is neither infinite nor NaN.";
  op.formula = [](Expr x) { return abs(x) < kInfinity; };
  op.result = ResultType::boolean;
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-1, 1);
  op.edges = {0, 1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
