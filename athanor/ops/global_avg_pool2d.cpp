#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(global_avg_pool2d, "(x) -> y") {
  op.doc = "The mean of every channel over the picture. x: [N, C, H, W], y: [N, C, 1, 1].";
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    const TensorMeta& x = in[0];
    require_rank("global_avg_pool2d", "x", x, 4);
    require<ShapeError>(x.shape[2] > 0 && x.shape[3] > 0,
                        "global_avg_pool2d: x has no pixels to average (x: {})", describe(x));
    return MetaList{{{x.shape[0], x.shape[1], 1, 1}, x.dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs&) {
    return TensorList{mean(in[0], {2, 3}, true)};
  };
  op.vjp = [](const Vjp& v) {
    const Shape& x = v.meta(0).shape;
    return expand(v.grad() * (1.0 / static_cast<double>(x[2] * x[3])), {-1, -1, x[2], x[3]});
  };
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_node("GlobalAveragePool");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 4, 5})}), m.sample({m.tensor({1, 33, 7, 7})}),
        m.sample({m.tensor({3, 2, 1, 1})}), m.sample({m.tensor({0, 3, 2, 2})})};
  };
  op.bad = {
      {"must have 4 dimensions", [](SampleMaker& m) { return m.sample({m.tensor({2, 3, 4})}); }},
      {"no pixels", [](SampleMaker& m) { return m.sample({m.tensor({2, 3, 0, 4})}); }}};
}

}  // namespace athanor::ops
