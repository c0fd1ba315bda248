#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(floor_div, "(a, b) -> y") {
  op.doc =
      "The largest whole number that is not above a / b, element by element, broadcast: Python's "
      "//. It is the quotient to mod's rest. An integer by 0 gives 0. The gradient is 0.";
  op.dtypes = kNumbers;
  op.formula = [](Expr a, Expr b) { return floor_div(a, b); };
  op.may_alias = true;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    if (is_integral(m.dtype()))
      return std::vector<Sample>{m.sample({m.tensor({5, 7}, -9, 9), m.nonzero({7}, -4, 4)}),
                                 m.sample({m.tensor({}, 2, 9), m.nonzero({3}, 1, 4)}),
                                 m.sample({m.tensor({0, 3}), m.nonzero({3}, 1, 4)})};
    // a / b stays off the integers, where it jumps.
    return std::vector<Sample>{m.sample({m.tensor({5, 4}, 2.2, 2.7), m.tensor({4}, 0.95, 1.02)}),
                               m.sample({m.tensor({1100}, -2.7, -2.2), m.tensor({}, 0.95, 1.02)}),
                               m.sample({m.tensor({}, 2.2, 2.7), m.tensor({2, 2}, -1.02, -0.95)}),
                               m.sample({m.tensor({0, 3}, 2.2, 2.7), m.tensor({3}, 0.95, 1.02)})};
  };
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
