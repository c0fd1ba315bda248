#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(glu, "(x, axis: integer = -1) -> y") {
  op.doc =
      "The gated linear unit a * sigmoid(b) of the two halves a and b of x along an axis (Dauphin "
      "et al. 2017).";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const std::int64_t axis =
        normalize_axis(a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()), "glu");
    require_static_axis("glu", in[0], axis, "halve another axis");
    Shape shape = in[0].shape;
    std::int64_t& size = shape[static_cast<std::size_t>(axis)];
    require<ShapeError>(size % 2 == 0, "glu: axis {} of {} has no halves", axis, describe(in[0]));
    size /= 2;
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t axis = a.integer("axis"), half = in[0].dim(axis) / 2;
    return TensorList{
        contiguous(slice(in[0], axis, 0, half) * sigmoid(slice(in[0], axis, half, 2 * half)))};
  };
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({6}, -3, 3)}), m.sample({m.tensor({3, 4}, -3, 3)}, {{"axis", 1}}),
        m.sample({m.tensor({2, 4, 3, 2}, -3, 3)}, {{"axis", 1}}),
        m.sample({m.tensor({0, 4}, -3, 3)}), m.sample({m.tensor({2, 0}, -3, 3)})};
  };
  op.bad = {{"glu: axis 1 of f32[2,3] has no halves",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}); }},
            {"glu: axis 2 is outside",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 4})}, {{"axis", 2}}); }}};
}

}  // namespace athanor::ops
