#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(tan, "(x) -> y") {
  op.doc = "sin(x) / cos(x), element by element.";
  op.formula = [](Expr x) { return sin(x) / cos(x); };
  op.vjp = [](const Vjp& v) { return v.grad() * (1.0 + square(v.output())); };
  op.saves = Saves::outputs;
  op.may_alias = true;
  op.onnx = onnx_node("Tan");
  op.samples = unary_samples(-1.2, 1.2);
  op.edges = {-0.0, 1e-10, 1, -4};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
