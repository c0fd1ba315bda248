#include "athanor/ops/core/bits.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(bitwise_left_shift, "(a, b) -> y") {
  op.doc =
      "a with its bits moved b places up, element by element, broadcast: a * 2^b, wrapped. A count "
      "outside the bits of the dtype (also a negative one) gives 0.";
  op.dtypes = kIntegers;
  op.formula = [](Expr a, Expr b) { return shift_left(a, b); };
  op.no_gradient = "bits do not change continuously";
  op.may_alias = true;
  op.onnx = onnx_none("ONNX shifts unsigned integers only");
  op.onnx.from.emplace_back("BitShift", [](const OnnxReader& node) {
    const std::string way = node.text("direction", "");
    require<FormatError>(way == "LEFT" || way == "RIGHT", "ONNX BitShift: direction \"{}\"", way);
    const auto run = way == "LEFT" ? bitwise_left_shift : bitwise_right_shift;
    return TensorList{run(node.input(0), node.input(1))};
  });
  op.samples = shift_samples;
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
