#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(ceil, "(x) -> y") {
  op.doc = "The smallest integer not below x, element by element. The gradient is 0.";
  op.formula = [](Expr x) { return ceil(x); };
  op.may_alias = true;
  op.onnx = onnx_node("Ceil");
  op.samples = [](SampleMaker& m) {
    // Between two jumps.
    return std::vector<Sample>{m.sample({m.tensor({3, 5}, 0.1, 0.9)}),
                               m.sample({m.tensor({1025}, -3.9, -3.1)}),
                               m.sample({m.tensor({}, -3.9, -3.1)}), m.sample({m.tensor({0, 2})})};
  };
  op.edges = {-0.0, 0.5, 1.5, -0.5, -1.5, 2.7, -2.7, 8388609, 1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
