#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(gelu_tanh, "(x) -> y") {
  op.doc =
      "gelu in its approximation 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) "
      "(Hendrycks and Gimpel 2016), as GPT-2 uses it.";
  op.formula = [](Expr x) {
    // 0.5 * (1 + tanh(u)) is sigmoid(2 u), which does not cancel; at 30 it is 0 or 1 in every
    // dtype.
    const Expr c = min(max(x, -30.0), 30.0);
    return x * sigmoid(1.5957691216057308 * (c + 0.044715 * c * c * c));
  };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-4, 4);
  op.edges = {-0.0, 1e-10, -2, 20, 1e30, kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
