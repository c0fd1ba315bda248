#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(log, "(x) -> y") {
  op.doc = "The natural logarithm, element by element; -inf at 0, NaN below.";
  op.formula = [](Expr x) { return log(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Log");
  op.samples = unary_samples(0.2, 4);
  op.edges = {-0.0, 0, 1, 1e-40, 1e30, -1, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
