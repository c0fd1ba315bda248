#include "athanor/op/op.hpp"

namespace athanor::ops {

namespace {

// Values that stay off the multiples of 0.3 in the other input: the kink is at equality.
Tensor apart(SampleMaker& m, const Shape& shape) {
  Tensor even = m.distinct(shape, 0.6);
  if (!is_floating(m.dtype())) return even;
  const std::vector<double> values = even.to_vector<double>();
  std::vector<double> shifted;
  for (double v : values) shifted.push_back(v + 0.1);
  const Tensor out = Tensor::empty(shape, m.dtype());
  out.copy_from(Tensor::from(shifted, shape));
  return out;
}

}  // namespace

ATH_OP(maximum, "(a, b) -> y") {
  op.doc = "The larger of a and b, element by element, broadcast; NaN if one is NaN.";
  op.dtypes = kAnyDType;
  op.formula = [](Expr a, Expr b) { return max(a, b); };
  op.may_alias = true;
  op.onnx = onnx_node("Max");
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    const std::pair<Shape, Shape> shapes[] = {
        {{6}, {6}}, {{}, {}}, {{3, 4}, {4}}, {{2, 3, 4}, {3, 1}}, {{0, 3}, {3}}};
    for (const auto& [a, b] : shapes)
      samples.push_back(m.sample({m.distinct(a, 0.3), apart(m, b)}));
    return samples;
  };
  op.bad = {{"shapes [2,3] and [4] do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({4})}); }}};
}

}  // namespace athanor::ops
