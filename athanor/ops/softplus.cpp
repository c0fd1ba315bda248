#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(softplus, "(x) -> y") {
  op.doc = "log(1 + e^x), element by element, without overflow.";
  op.formula = [](Expr x) { return max(x, 0.0) + log1p(exp(-abs(x))); };
  // The derivative of the formula has a corner at 0 that the function has not.
  op.vjp = [](const Vjp& v) { return v.grad() * sigmoid(v.input(0)); };
  op.saves = Saves::inputs;
  op.may_alias = true;
  op.onnx = onnx_node("Softplus");
  op.samples = unary_samples(-4, 4);
  op.edges = {-0.0, -104, -20, 17, 104, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
