#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(hardsigmoid, "(x) -> y") {
  op.doc = "min(max(x + 3, 0), 6) / 6, element by element (Howard et al. 2019).";
  op.formula = [](Expr x) { return min(max(x + 3.0, 0.0), 6.0) / 6.0; };
  op.may_alias = true;
  // The slope 1/6 of ONNX's HardSigmoid is an f32: the formula is exact for f64 too.
  op.onnx = onnx_lowering();
  op.onnx.from.emplace_back("HardSigmoid", [](const OnnxReader& node) {
    const Tensor x = node.input(0);
    return TensorList{clamp(x * node.real("alpha", 0.2) + node.real("beta", 0.5), 0.0, 1.0)};
  });
  op.samples = unary_samples(-2.8, 2.8);
  op.edges = {-0.0, -3, 3, -4, 5, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
