#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(clamp, "(x, low: real, high: real) -> y") {
  op.doc =
      "x limited to [low, high], element by element; NaN stays NaN. The gradient is 1 inside and "
      "on "
      "the borders, 0 outside. Integers take the borders cut towards zero.";
  op.dtypes = kNumbers;
  op.formula = [](Expr x, const Attrs& a) { return min(max(x, a.real("low")), a.real("high")); };
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require(a.real("low") <= a.real("high"), "clamp: low {} is above high {}", a.real("low"),
            a.real("high"));
    return MetaList{in[0]};
  };
  op.may_alias = true;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const auto border = [&](const char* name) {
          const Tensor t = Tensor::empty({}, call.input_tensors[0].dtype());
          t.copy_from(Tensor::scalar(call.attrs.real(name), DType::f64));
          return w.constant(t);
        };
        return OnnxNames{w.node("Clip", {call.inputs[0], border("low"), border("high")})};
      },
      {{"Clip", [](const OnnxReader& node) {
          const auto border = [&](int i, double none) {
            return node.input_count() > i && node.input(i).defined() ? node.constant(i).item()
                                                                     : none;
          };
          return TensorList{clamp(node.input(0), border(1, -kInfinity), border(2, kInfinity))};
        }}});
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{7}, Shape{}, Shape{3, 5}, Shape{0, 2}, Shape{1025}})
      samples.push_back(m.sample({m.nonzero(shape, -3, 3, 0.1)}, {{"low", 0.0}, {"high", 5.0}}));
    samples.push_back(m.sample({m.tensor({40}, -0.9, 0.9)}, {{"low", -1.0}, {"high", 1.0}}));
    samples.push_back(m.sample({m.tensor({2, 3}, 2, 4)}, {{"low", -kInfinity}, {"high", 1.0}}));
    return samples;
  };
  op.edges = {-0.0, kInfinity, -kInfinity, kNaN};
  op.bad = {{"low 2 is above high 1", [](SampleMaker& m) {
               return m.sample({m.tensor({2})}, {{"low", 2.0}, {"high", 1.0}});
             }}};
}

}  // namespace athanor::ops
