#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(asinh, "(x) -> y") {
  op.doc = "The inverse of sinh, element by element, without cancellation near 0.";
  op.formula = [](Expr x) {
    const Expr a = abs(x), b = min(a, 1e6), small = log1p(b + b * b / (1.0 + sqrt(b * b + 1.0)));
    return sign(x) * where(a > 1e6, log(max(a, 1e6)) + 0.69314718055994531, small);
  };
  op.vjp = [](const Vjp& v) { return v.grad() * rsqrt(square(v.input(0)) + 1.0); };
  op.saves = Saves::inputs;
  op.may_alias = true;
  op.onnx = onnx_node("Asinh");
  op.samples = unary_samples(-3, 3, 0.01);
  op.edges = {-0.0, 1e-10, -1e-10, 1e5, 1e7, -1e7, 1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
