#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(log2, "(x) -> y") {
  op.doc = "The logarithm to base 2, element by element; -inf at 0, NaN below.";
  op.formula = [](Expr x) { return log(x) * 1.4426950408889634; };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(0.3, 4);
  op.edges = {0, -1, 1, 1e30, kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
