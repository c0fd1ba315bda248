#include "athanor/ops/core/bits.hpp"

namespace athanor::ops {

ATH_OP(bitwise_right_shift, "(a, b) -> y") {
  op.doc =
      "a with its bits moved b places down, element by element, broadcast: a / 2^b towards minus "
      "infinity. A count outside the bits of the dtype (also a negative one) gives 0, or -1 for a "
      "negative a.";
  op.dtypes = kIntegers;
  op.formula = [](Expr a, Expr b) { return shift_right(a, b); };
  op.no_gradient = "bits do not change continuously";
  op.may_alias = true;
  op.onnx = onnx_none("ONNX shifts unsigned integers only");
  op.samples = shift_samples;
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
