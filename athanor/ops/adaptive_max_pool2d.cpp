#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/window.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(adaptive_max_pool2d, "(x, size: dims) -> y") {
  op.doc =
      "The largest element of windows that divide the picture into size[0] x size[1] parts: row i "
      "covers the rows [floor(i H / oh), ceil((i + 1) H / oh)), columns alike. x: [N, C, H, W], y: "
      "[N, C, oh, ow].";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta& x = in[0];
    require_rank("adaptive_max_pool2d", "x", x, 4);
    const Dims& size = a.dims("size");
    require_pair("adaptive_max_pool2d", "size", size, 1);
    require<ShapeError>(x.shape[2] > 0 && x.shape[3] > 0,
                        "adaptive_max_pool2d: x has no pixels (x: {})", describe(x));
    return MetaList{{{x.shape[0], x.shape[1], size[0], size[1]}, x.dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    // Axis by axis: the largest of each window of rows, then of columns.
    Tensor y = in[0];
    for (const std::int64_t axis : {2, 3}) {
      const std::int64_t size = y.dim(axis),
                         parts = a.dims("size")[static_cast<std::size_t>(axis - 2)];
      TensorList rows;
      for (std::int64_t i = 0; i < parts; ++i)
        rows.push_back(
            amax(slice(y, axis, i * size / parts, ((i + 1) * size + parts - 1) / parts, 1), {axis},
                 true));
      y = concat(rows, axis);
    }
    return TensorList{y};
  };
  op.layout = Layout::kernel;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.distinct({2, 3, 6, 5})}, {{"size", Dims{2, 3}}}),
                               m.sample({m.distinct({1, 2, 7, 4})}, {{"size", Dims{3, 1}}}),
                               m.sample({m.distinct({1, 2, 3, 3})}, {{"size", Dims{4, 5}}})};
  };
  op.bad = {
      {"no pixels",
       [](SampleMaker& m) { return m.sample({m.tensor({1, 1, 0, 2})}, {{"size", Dims{1, 1}}}); }},
      {"must have 4 dimensions",
       [](SampleMaker& m) { return m.sample({m.tensor({1, 1, 2})}, {{"size", Dims{1, 1}}}); }}};
}

}  // namespace athanor::ops
