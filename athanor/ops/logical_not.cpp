#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(logical_not, "(x) -> y") {
  op.doc = "True where x is 0.";
  op.dtypes = kAnyDType;
  op.formula = [](Expr x) { return !x; };
  op.result = ResultType::boolean;
  op.may_alias = true;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{w.node("Not", {onnx_cast(w, call, 0, DType::boolean)})};
      },
      {{"Not", nullptr}});
  op.samples = unary_samples(-1, 1);
  op.edges = {-0.0, 0, 1, kInfinity, -kInfinity, kNaN};
}

}  // namespace athanor::ops
