#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(elu, "(x, alpha: real = 1.0) -> y") {
  op.doc =
      "x where it is above 0, alpha * (e^x - 1) elsewhere, element by element (Clevert et al. "
      "2016).";
  op.formula = [](Expr x, const Attrs& a) {
    return where(x > 0.0, x, a.real("alpha") * expm1(min(x, 0.0)));
  };
  op.may_alias = true;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{w.node("Elu", call.inputs, {{"alpha", call.attrs.real("alpha")}})};
      },
      {{"Elu", [](const OnnxReader& node) {
          return TensorList{elu(node.input(0), node.real("alpha", 1.0))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.nonzero({3, 5}, -3, 3, 0.1)}),
                               m.sample({m.nonzero({}, -3, -1, 0.1)}, {{"alpha", 0.5}}),
                               m.sample({m.nonzero({0}, -3, 3, 0.1)}),
                               m.sample({m.nonzero({1025}, -3, 3, 0.1)}, {{"alpha", 1.5}})};
  };
  op.edges = {-0.0, 0, -1e-10, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  op.bad = {{"it takes f16, bf16, f32, f64",
             [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
}

}  // namespace athanor::ops
