#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(leaky_relu, "(x, slope: real = 0.01) -> y") {
  op.doc = "x where it is above 0, slope * x elsewhere (Maas et al. 2013).";
  op.formula = [](Expr x, const Attrs& a) { return where(x > 0.0, x, x * a.real("slope")); };
  op.may_alias = true;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{w.node("LeakyRelu", call.inputs, {{"alpha", call.attrs.real("slope")}})};
      },
      {{"LeakyRelu", [](const OnnxReader& node) {
          return TensorList{leaky_relu(node.input(0), node.real("alpha", 0.01))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.nonzero({3, 5}, -3, 3, 0.1)}),
                               m.sample({m.nonzero({}, -3, -1, 0.1)}, {{"slope", 0.2}}),
                               m.sample({m.nonzero({0}, -3, 3, 0.1)}),
                               m.sample({m.nonzero({1025}, -3, 3, 0.1)}, {{"slope", -0.5}})};
  };
  op.edges = {-0.0, 0, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
