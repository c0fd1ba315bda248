#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(atanh, "(x) -> y") {
  op.doc =
      "The inverse of tanh for x in (-1, 1), element by element, without cancellation near 0; "
      "infinite at -1 and 1, NaN beyond.";
  op.formula = [](Expr x) {
    const Expr a = abs(x);
    return sign(x) * 0.5 * log1p(2.0 * a / (1.0 - a));
  };
  op.vjp = [](const Vjp& v) { return v.grad() / (1.0 - square(v.input(0))); };
  op.saves = Saves::inputs;
  op.may_alias = true;
  op.onnx = onnx_node("Atanh");
  op.samples = unary_samples(-0.8, 0.8, 0.01);
  op.edges = {-0.0, 1e-10, -1e-10, 1, -1, 2, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
