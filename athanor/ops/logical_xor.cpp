#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(logical_xor, "(a, b) -> y") {
  op.doc = "True where one of a and b is not 0 and the other is, element by element, broadcast.";
  op.dtypes = kAnyDType;
  op.formula = [](Expr a, Expr b) { return (a != 0.0) != (b != 0.0); };
  op.result = ResultType::boolean;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{w.node(
            "Xor", {onnx_cast(w, call, 0, DType::boolean), onnx_cast(w, call, 1, DType::boolean)})};
      },
      {{"Xor", nullptr}});
  op.samples = [](SampleMaker& m) {
    // Small integers, so that equal pairs occur.
    std::vector<Sample> samples;
    const std::pair<Shape, Shape> shapes[] = {{{60}, {60}},        {{}, {}},      {{3, 4}, {4}},
                                              {{2, 3, 4}, {3, 1}}, {{0, 3}, {3}}, {{1100}, {}}};
    for (const auto& [a, b] : shapes)
      samples.push_back(
          m.sample({m.integers(a, 0, m.dtype() == DType::boolean ? 2 : 4, m.dtype()),
                    m.integers(b, 0, m.dtype() == DType::boolean ? 2 : 4, m.dtype())}));
    return samples;
  };
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
