#include "athanor/ops/core/triangle.hpp"

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

MetaList infer_triangle(std::string_view op, const TensorMeta& x) {
  const auto rank = static_cast<std::int64_t>(x.shape.size());
  require<ShapeError>(rank >= 2, "{}: x is {}; it needs at least two axes", op, describe(x));
  require_static_axis(op, x, rank - 2, "its last two axes must be known");
  return {x};
}

Tensor triangle(const Tensor& x, std::int64_t diagonal, bool upper) {
  const std::int64_t rows = x.dim(-2), columns = x.dim(-1);
  const Tensor mask = Tensor::empty({rows, columns}, DType::boolean);
  bool* at = mask.data<bool>();
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      *at++ = upper ? c - r >= diagonal : c - r <= diagonal;
  return where(mask, x, Tensor::scalar(0, x.dtype()));
}

OnnxTo onnx_triangle(bool upper) {
  return [upper](OnnxWriter& w, const OnnxCall& call) {
    const Tensor diagonal = Tensor::empty({}, DType::i64);
    *diagonal.data<std::int64_t>() = call.attrs.integer("diagonal");
    return OnnxNames{
        w.node("Trilu", {call.inputs[0], w.constant(diagonal)}, {{"upper", std::int64_t{upper}}})};
  };
}

std::vector<Sample> triangle_samples(SampleMaker& m) {
  return {m.sample({m.tensor({4, 4}, 1, 3)}),
          m.sample({m.tensor({3, 5}, 1, 3)}, {{"diagonal", 1}}),
          m.sample({m.tensor({5, 3}, 1, 3)}, {{"diagonal", -2}}),
          m.sample({m.tensor({2, 3, 3}, 1, 3)}, {{"diagonal", 9}}),
          m.sample({m.tensor({2, 3, 3, 4}, 1, 3)}, {{"diagonal", -9}}),
          m.sample({m.tensor({2, 3, 3, 4}, 1, 3)}),
          m.sample({m.tensor({0, 3}, 1, 3)}),
          m.sample({m.tensor({2, 2, 0}, 1, 3)})};
}

std::vector<BadSample> bad_triangles(std::string_view op) {
  return {{std::string(op) + ": x is f32[3]; it needs at least two axes",
           [](SampleMaker& m) { return m.sample({m.tensor({3})}); }}};
}

}  // namespace athanor::ops
