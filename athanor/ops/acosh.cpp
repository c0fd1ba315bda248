#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(acosh, "(x) -> y") {
  op.doc = "The inverse of cosh for x from 1, element by element; NaN below.";
  op.formula = [](Expr x) {
    const Expr b = min(x, 1e6) - 1.0, small = log1p(b + sqrt(b * (b + 2.0)));
    return where(x > 1e6, log(max(x, 1e6)) + 0.69314718055994531, small);
  };
  op.vjp = [](const Vjp& v) {
    const Tensor& x = v.input(0);
    return v.grad() * rsqrt((x - 1.0) * (x + 1.0));
  };
  op.saves = Saves::inputs;
  op.may_alias = true;
  op.onnx = onnx_node("Acosh");
  op.samples = unary_samples(1.2, 4);
  op.edges = {1, 1e5, 1e7, 1e30, 0.5, kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
