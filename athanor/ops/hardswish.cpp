#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(hardswish, "(x) -> y") {
  op.doc = "x * min(max(x + 3, 0), 6) / 6, element by element (Howard et al. 2019).";
  op.formula = [](Expr x) { return x * min(max(x + 3.0, 0.0), 6.0) / 6.0; };
  op.may_alias = true;
  op.onnx = onnx_node("HardSwish");
  op.samples = unary_samples(-2.8, 2.8);
  op.edges = {-0.0, -3, 3, -4, 5, 1e30, -1e30};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
