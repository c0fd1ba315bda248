#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(sinh, "(x) -> y") {
  op.doc = "(e^x - e^-x) / 2 without cancellation near 0, element by element.";
  op.formula = [](Expr x) {
    // Far out e^-x is nothing beside e^x, whose half is made of two factors that do not overflow
    // before the result does.
    const Expr a = abs(x), t = expm1(min(a, 20.0)), h = exp(0.5 * a);
    return sign(x) * where(a > 20.0, 0.5 * h * h, 0.5 * (t + t / (t + 1.0)));
  };
  op.vjp = [](const Vjp& v) { return v.grad() * cosh(v.input(0)); };
  op.saves = Saves::inputs;
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-3, 3, 0.01);
  op.edges = {-0.0, 1e-10, -1e-10, 20, -20, 80, 89, -89, 91, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
