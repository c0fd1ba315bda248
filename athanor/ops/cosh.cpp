#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(cosh, "(x) -> y") {
  op.doc = "(e^x + e^-x) / 2, element by element.";
  op.formula = [](Expr x) {
    // Two factors do not overflow before the result does.
    const Expr h = exp(0.5 * abs(x));
    return 0.5 * h * h + 0.5 / h / h;
  };
  op.vjp = [](const Vjp& v) { return v.grad() * sinh(v.input(0)); };
  op.saves = Saves::inputs;
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-3, 3);
  op.edges = {-0.0, 1e-10, 20, -20, 80, 89, -89, 91, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
