#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(tanh, "(x) -> y") {
  op.doc = "The hyperbolic tangent, element by element.";
  op.formula = [](Expr x) { return tanh(x); };
  // Reads the output, which the next op often keeps anyway.
  op.vjp = [](const Vjp& v) {
    static const Expr d = Expr::argument(0) * (1.0 - Expr::argument(1) * Expr::argument(1));
    const std::array<Tensor, 2> in{v.grad(), v.output()};
    return pointwise(in, d);
  };
  op.saves = Saves::outputs;
  op.may_alias = true;
  op.onnx = onnx_node("Tanh");
  op.samples = unary_samples(-3, 3);
  op.edges = {-0.0, 1e-10, 1e-40, -9.1, 20, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
