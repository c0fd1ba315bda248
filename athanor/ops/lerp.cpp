#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(lerp, "(a, b, weight) -> y") {
  op.doc =
      "a + weight * (b - a), element by element, broadcast: exactly a for the weight 0 and exactly "
      "b for 1.";
  op.formula = [](Expr a, Expr b, Expr w) {
    // Each half counts from its own end.
    return where(w < 0.5, a + w * (b - a), b - (1.0 - w) * (b - a));
  };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const auto of = [&m](const Shape& a, const Shape& b, const Shape& weight) {
      return m.sample({m.tensor(a, -2, 2), m.tensor(b, -2, 2), m.tensor(weight, -0.2, 1.2)});
    };
    return std::vector<Sample>{of({6}, {6}, {6}),          of({}, {}, {}),
                               of({3, 4}, {4}, {}),        of({2, 1, 3}, {4, 1}, {3}),
                               of({1100}, {1100}, {1100}), of({0, 3}, {3}, {})};
  };
  op.bad = {{"shapes [2,3] and [4] do not broadcast", [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3}), m.tensor({4}), m.tensor({})});
             }}};
}

}  // namespace athanor::ops
