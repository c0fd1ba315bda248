#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(div, "(a, b) -> y") {
  op.doc = "a / b, element by element, broadcast; integers are divided as f32.";
  op.dtypes = kNumbers;
  op.formula = [](Expr a, Expr b) { return a / b; };
  op.result = ResultType::floating;
  op.may_alias = true;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const DType dtype = call.output_tensors[0].dtype();
        return OnnxNames{
            w.node("Div", {onnx_cast(w, call, 0, dtype), onnx_cast(w, call, 1, dtype)})};
      },
      {{"Div", nullptr}});
  op.samples = binary_samples(-3, 3, -3, 3, 0.5);
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
