#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(pointwise, "(xs..., fn: expr) -> y") {
  op.doc =
      "Any scalar expression fn of the inputs x0, x1 ..., element by element, broadcast, in one "
      "pass over memory.";
  op.formula = Formula::from_attrs([](const Attrs& a) { return a.expr("fn"); });
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const Expr x = Expr::argument(0), y = Expr::argument(1), z = Expr::argument(2);
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3}), m.tensor({3})}, {{"fn", x * y + sin(x)}}),
        m.sample({m.tensor({}), m.tensor({4, 1}), m.tensor({2})},
                 {{"fn", where(x < y, x * z, tanh(y))}}),
        m.sample({m.tensor({1500})}, {{"fn", exp(x) * 0.5 - 1.0}}),
    };
  };
  op.bad = {{"shapes [2] and [3] do not broadcast", [](SampleMaker& m) {
               return m.sample({m.tensor({2}), m.tensor({3})},
                               {{"fn", Expr::argument(0) + Expr::argument(1)}});
             }}};
}

}  // namespace athanor::ops
