#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(trace, "(x, offset: integer = 0) -> y") {
  op.doc =
      "The sum of the diagonal of matrices: [..., N, M] -> [...]. offset: that many columns to the "
      "right, negative: rows down.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    const Shape& x = in[0].shape;
    require<ShapeError>(x.size() >= 2, "trace: x is {}; it must be [..., N, M]", describe(in[0]));
    require_static_axis("trace", in[0], static_cast<std::int64_t>(x.size()) - 2, "sum it");
    return MetaList{{Shape(x.begin(), x.end() - 2), in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{sum(diagonal(in[0], a.integer("offset"), -2, -1), {-1})};
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({3, 3})}),
                               m.sample({m.tensor({2, 3, 4})}, {{"offset", std::int64_t{2}}}),
                               m.sample({m.tensor({4, 2})}, {{"offset", std::int64_t{-1}}}),
                               m.sample({m.tensor({2, 0, 3})})};
  };
  op.bad = {{"trace: x is f32[3]", [](SampleMaker& m) { return m.sample({m.tensor({3})}); }}};
}

}  // namespace athanor::ops
