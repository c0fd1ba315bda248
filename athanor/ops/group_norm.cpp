#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(group_norm, "(x, weight?, bias?, groups: integer = 1, epsilon: real = 1e-5) -> y") {
  op.doc =
      "Normalises each group of channels of each example by its mean and biased variance, then "
      "weight and bias of each channel (Wu and He 2018). x: [N, C, ...]; groups divide C; weight, "
      "bias: [C]. One group for each channel is instance normalisation.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Shape& x = in[0].shape;
    const std::int64_t groups = a.integer("groups");
    require<ShapeError>(x.size() >= 2, "group_norm: x must be [N, C, ...], not {}",
                        describe(in[0]));
    require(groups >= 1 && x[1] % groups == 0,
            "group_norm: {} groups do not divide the {} channels of x {}", groups, x[1],
            describe(in[0]));
    for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
      if (in[i].shape.empty()) continue;
      require<ShapeError>(in[i].shape == Shape{x[1]}, "group_norm: {} must have shape [{}], not {}",
                          i == 1 ? "weight" : "bias", x[1], describe(in[i]));
    }
    return MetaList{in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor& x = in[0];
    const std::int64_t groups = a.integer("groups");
    Shape grouped{x.dim(0), groups, x.dim(1) / groups};
    std::int64_t inner = grouped[2];
    for (std::int64_t d = 2; d < x.rank(); ++d) inner *= x.dim(d);
    Tensor y = layer_norm(reshape(x, {x.dim(0), groups, inner}), {}, {}, 1, a.real("epsilon"));
    y = reshape(y, x.shape());
    const auto rank = static_cast<std::size_t>(x.rank());
    if (in[1].defined()) y = y * per_channel(in[1], rank, y.dtype());
    if (in[2].defined()) y = y + per_channel(in[2], rank, y.dtype());
    return TensorList{y};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.reduction = true;
  op.onnx = onnx_lowering();
  op.onnx.from.emplace_back("InstanceNormalization", [](const OnnxReader& node) {
    const Tensor x = node.input(0);
    return TensorList{
        group_norm(x, node.input(1), node.input(2), x.dim(1), node.real("epsilon", 1e-5))};
  });
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 4, 3, 3}), m.tensor({4}), m.tensor({4})},
                 {{"groups", std::int64_t{2}}}),
        m.sample({m.tensor({3, 6}), Tensor(), Tensor()}, {{"groups", std::int64_t{3}}}),
        m.sample({m.tensor({2, 3, 5}), m.tensor({3}), Tensor()}, {{"groups", std::int64_t{3}}}),
        m.sample({m.tensor({1, 2, 2, 2, 2}), Tensor(), m.tensor({2})})};
  };
  op.bad = {{"3 groups do not divide the 4 channels",
             [](SampleMaker& m) {
               return m.sample({m.tensor({2, 4}), Tensor(), Tensor()},
                               {{"groups", std::int64_t{3}}});
             }},
            {"x must be [N, C, ...]",
             [](SampleMaker& m) { return m.sample({m.tensor({4}), Tensor(), Tensor()}); }},
            {"weight must have shape [4]",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 4}), m.tensor({3}), Tensor()}); }}};
}

}  // namespace athanor::ops
