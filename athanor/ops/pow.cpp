#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(pow, "(a, b) -> y") {
  op.doc =
      "a to the power of b, element by element, broadcast. Integers wrap; a negative exponent of "
      "an integer cuts the fraction, 0 to a negative power is 0.";
  op.dtypes = kNumbers;
  op.formula = [](Expr a, Expr b) { return pow(a, b); };
  op.may_alias = true;
  op.onnx = onnx_node("Pow");
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    const std::pair<Shape, Shape> shapes[] = {{{6}, {6}},          {{}, {}},      {{3, 4}, {4}},
                                              {{2, 3, 4}, {3, 1}}, {{0, 3}, {3}}, {{1100}, {}}};
    for (const auto& [a, b] : shapes) {
      const Tensor base = m.tensor(a, 0.4, 2.4);
      samples.push_back(
          m.sample({base, is_integral(m.dtype()) ? m.tensor(b, 0, 3) : m.tensor(b, -1.5, 2.5)}));
    }
    return samples;
  };
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
