#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(selu, "(x) -> y") {
  op.doc =
      "1.0507 * elu(x) with alpha 1.6733, element by element: activations keep mean 0 and variance "
      "1 (Klambauer et al. 2017).";
  op.formula = [](Expr x) {
    return 1.0507009873554805 * where(x > 0.0, x, 1.6732632423543772 * expm1(min(x, 0.0)));
  };
  op.may_alias = true;
  op.onnx = onnx_node("Selu");
  op.samples = unary_samples(-3, 3, 0.1);
  op.edges = {-0.0, 0, -1e-10, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
