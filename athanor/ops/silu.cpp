#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(silu, "(x) -> y") {
  op.doc = "x * sigmoid(x), element by element (Elfwing et al. 2017).";
  op.formula = [](Expr x) { return x * sigmoid(x); };
  // The derived gradient overflows below -88 in float32; this form does not.
  op.vjp = [](const Vjp& v) {
    const Tensor s = sigmoid(v.input(0));
    return v.grad() * (s + v.output() * (1.0 - s));
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.onnx = onnx_lowering();  // Sigmoid + Mul: ONNX has no SiLU before opset 24
  op.samples = unary_samples(-4, 4);
  op.edges = {-1e30, -95, -0.0, 0, 95, 1e30};
}

}  // namespace athanor::ops
