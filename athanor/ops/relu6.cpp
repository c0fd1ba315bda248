#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(relu6, "(x) -> y") {
  op.doc = "min(max(x, 0), 6), element by element (MobileNet); the gradient at 0 and 6 is 0.";
  op.dtypes = kNumbers;
  op.formula = [](Expr x) { return min(max(x, 0.0), 6.0); };
  // Reads the output, which the next op keeps anyway.
  op.vjp = [](const Vjp& v) {
    static const Expr y = Expr::argument(1);
    static const Expr d = where(y > 0.0 && y < 6.0, Expr::argument(0), 0.0);
    const std::array<Tensor, 2> in{v.grad(), v.output()};
    return pointwise(in, d);
  };
  op.saves = Saves::outputs;
  op.may_alias = true;
  op.onnx = onnx_custom([](OnnxWriter& w, const OnnxCall& call) {
    const DType dtype = call.input_tensors[0].dtype();
    return OnnxNames{w.node("Clip", {call.inputs[0], w.constant(Tensor::scalar(0, dtype)),
                                     w.constant(Tensor::scalar(6, dtype))})};
  });
  op.samples = unary_samples(-3, 5.5, 0.1);
  op.edges = {-0.0, 6, 7, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
}

}  // namespace athanor::ops
