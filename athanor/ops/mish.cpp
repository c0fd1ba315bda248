#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(mish, "(x) -> y") {
  op.doc = "x * tanh(softplus(x)), element by element (Misra 2020).";
  op.formula = [](Expr x) {
    // tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2); beyond 20 it is 1 in every dtype but f64,
    // where e^40 still fits.
    const Expr e = exp(min(x, 40.0)), n = e * (e + 2.0);
    return x * (n / (n + 2.0));
  };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = unary_samples(-4, 4);
  op.edges = {-0.0, 1e-10, -20, 20, 1e30, kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
