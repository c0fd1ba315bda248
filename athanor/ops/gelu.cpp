#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(gelu, "(x) -> y") {
  op.doc =
      "x * Phi(x) with the normal distribution function Phi, by erf (Hendrycks and Gimpel 2016).";
  op.formula = [](Expr x) { return 0.5 * x * (1.0 + erf(x * 0.70710678118654752)); };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-4, 4);
  // Below -4 the sum 1 + erf cancels: the result, under 1e-4, is right absolutely and not
  // relatively, as in every framework that computes by erf.
  op.edges = {-0.0, 1e-10, -2, 20, 1e30};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
