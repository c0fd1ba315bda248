#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(reciprocal, "(x) -> y") {
  op.doc = "1 / x, element by element.";
  op.formula = [](Expr x) { return reciprocal(x); };
  // Reads the output, which the next op often keeps anyway.
  op.vjp = [](const Vjp& v) {
    static const Expr d = Expr::argument(0) * (-(Expr::argument(1) * Expr::argument(1)));
    const std::array<Tensor, 2> in{v.grad(), v.output()};
    return pointwise(in, d);
  };
  op.saves = Saves::outputs;
  op.may_alias = true;
  op.onnx = onnx_node("Reciprocal");
  op.samples = unary_samples(-3, 3, 0.5);
  op.edges = {-0.0, 0, 1e30, 1e-30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
