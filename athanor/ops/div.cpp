#include "athanor/op/op.hpp"
#include "athanor/ops/operators.hpp"

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
      {{"Div", [](const OnnxReader& node) {
          const Tensor a = node.input(0), b = node.input(1);
          if (is_floating(a.dtype()) || is_floating(b.dtype())) return TensorList{div(a, b)};
          // ONNX divides integers towards zero.
          const Tensor q = floor_div(a, b), zero = number_like(0, q);
          const Tensor cut = logical_and(lt(q, zero), ne(mod(a, b), zero));
          return TensorList{q + cast(cut, q.dtype())};
        }}});
  op.samples = binary_samples(-3, 3, -3, 3, 0.5);
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
