#include "athanor/ops/core/bits.hpp"

namespace athanor::ops {

ATH_OP(bitwise_and, "(a, b) -> y") {
  op.doc =
      "The bits that are set in both a and b, element by element, broadcast; of bool the logical "
      "form.";
  op.dtypes = kIntegers | kBool;
  op.formula = [](Expr a, Expr b) { return bit_and(a, b); };
  op.no_gradient = "bits do not change continuously";
  op.may_alias = true;
  op.onnx = onnx_none("ONNX has bits of signed integers from opset 18 on");
  op.onnx.from.emplace_back("BitwiseAnd", nullptr);
  op.samples = bit_samples;
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
