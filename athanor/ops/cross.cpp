#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(cross, "(a, b, axis: integer = -1) -> y") {
  op.doc = "The cross product of vectors of three numbers along an axis; a and b have one shape.";
  op.dtypes = kNumbers & ~dtype_bit(DType::u8);
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_same_dtype("cross", "a", in[0], "b", in[1]);
    require<ShapeError>(in[0].shape == in[1].shape, "cross: a {} and b {} must have one shape",
                        describe(in[0]), describe(in[1]));
    const std::int64_t axis =
        normalize_axis(a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()), "cross");
    require<ShapeError>(in[0].shape[static_cast<std::size_t>(axis)] == 3,
                        "cross: axis {} of a {} must have 3 elements", axis, describe(in[0]));
    return MetaList{in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims axis{normalize_axis(a.integer("axis"), in[0].rank(), "cross")};
    const auto turned = [&](const Tensor& t, std::int64_t by) { return roll(t, {-by}, axis); };
    return TensorList{turned(in[0], 1) * turned(in[1], 2) - turned(in[0], 2) * turned(in[1], 1)};
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({3}), m.tensor({3})}),
                               m.sample({m.tensor({2, 3}), m.tensor({2, 3})}),
                               m.sample({m.tensor({3, 4}), m.tensor({3, 4})}, {{"axis", 0}}),
                               m.sample({m.tensor({0, 3}), m.tensor({0, 3})})};
  };
  op.bad = {{"cross: axis 1 of a f32[3,2] must have 3 elements",
             [](SampleMaker& m) { return m.sample({m.tensor({3, 2}), m.tensor({3, 2})}); }},
            {"must have one shape",
             [](SampleMaker& m) { return m.sample({m.tensor({3}), m.tensor({2, 3})}); }}};
}

}  // namespace athanor::ops
