#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(relu, "(x) -> y") {
  op.doc = "max(x, 0), element by element; the gradient at 0 is 0.";
  op.dtypes = kNumbers;
  op.formula = [](Expr x) { return max(x, 0.0); };
  // Reads the output, which the next op keeps anyway.
  op.vjp = [](const Vjp& v) {
    static const Expr d = where(Expr::argument(1) > 0.0, Expr::argument(0), 0.0);
    const std::array<Tensor, 2> in{v.grad(), v.output()};
    return pointwise(in, d);
  };
  op.saves = Saves::outputs;
  op.may_alias = true;
  op.onnx = onnx_node("Relu");
  op.samples = unary_samples(-3, 3, 0.1);
  op.edges = {-0.0, 0, 1e-40, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
}

}  // namespace athanor::ops
