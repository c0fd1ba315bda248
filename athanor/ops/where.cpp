#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(where, "(condition, a, b) -> y") {
  op.doc = "a where the condition is not 0, b elsewhere, element by element, broadcast.";
  op.dtypes = kAnyDType;
  op.formula = [](Expr c, Expr a, Expr b) { return where(c, a, b); };
  op.result = ResultType::branch;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const DType dtype = call.output_tensors[0].dtype();
        return OnnxNames{
            w.node("Where", {onnx_cast(w, call, 0, DType::boolean), onnx_cast(w, call, 1, dtype),
                             onnx_cast(w, call, 2, dtype)})};
      },
      {{"Where", nullptr}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.booleans({2, 3}), m.tensor({2, 3}), m.tensor({2, 3})}),
        m.sample({m.booleans({3, 1}), m.tensor({}), m.tensor({2, 1, 4})}),
        m.sample({m.booleans({}), m.tensor({5}), m.tensor({5})}),
        m.sample({m.booleans({0, 2}), m.tensor({2}), m.tensor({})}),
        m.sample({m.booleans({1100}), m.tensor({1100}), m.tensor({})}),
        m.sample({m.integers({4}, 0, 3, DType::i64), m.tensor({4}), m.tensor({4})}),
    };
  };
  op.bad = {{"shapes [2,3] and [4] do not broadcast", [](SampleMaker& m) {
               return m.sample({m.booleans({2, 3}), m.tensor({4}), m.tensor({4})});
             }}};
}

}  // namespace athanor::ops
