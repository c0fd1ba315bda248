#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/window.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// Row i is the mean over [floor(i in / out), ceil((i + 1) in / out)) as a matrix [out, in].
Tensor averaging_matrix(std::int64_t out, std::int64_t in, DType dtype) {
  std::vector<double> m(static_cast<std::size_t>(out * in));
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t begin = i * in / out, end = ((i + 1) * in + out - 1) / out;
    for (std::int64_t j = begin; j < end; ++j)
      m[static_cast<std::size_t>(i * in + j)] = 1.0 / static_cast<double>(end - begin);
  }
  return from_doubles(m, {out, in}, dtype);
}

}  // namespace

ATH_OP(adaptive_avg_pool2d, "(x, size: dims) -> y") {
  op.doc =
      "Means over windows that divide the picture into size[0] x size[1] parts: row i covers the "
      "rows [floor(i H / oh), ceil((i + 1) H / oh)), columns alike. x: [N, C, H, W], y: [N, C, oh, "
      "ow].";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta& x = in[0];
    require_rank("adaptive_avg_pool2d", "x", x, 4);
    const Dims& size = a.dims("size");
    require_pair("adaptive_avg_pool2d", "size", size, 1);
    require<ShapeError>(x.shape[2] > 0 && x.shape[3] > 0,
                        "adaptive_avg_pool2d: x has no pixels to average (x: {})", describe(x));
    return MetaList{{{x.shape[0], x.shape[1], size[0], size[1]}, x.dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor& x = in[0];
    const Dims& size = a.dims("size");
    const std::int64_t h = x.dim(2), w = x.dim(3);
    if (size == Dims{1, 1}) return TensorList{global_avg_pool2d(x)};
    if (h % size[0] == 0 && w % size[1] == 0) {
      const Dims kernel{h / size[0], w / size[1]};
      return TensorList{avg_pool2d(x, kernel, kernel)};
    }
    // Windows of different sizes: one averaging matrix from each side.
    const Tensor rows = averaging_matrix(size[0], h, x.dtype());
    const Tensor columns = averaging_matrix(size[1], w, x.dtype());
    const Tensor y = matmul(matmul(rows, x), permute(columns, {1, 0}));
    return TensorList{x.is_channels_last() ? channels_last(y) : y};
  };
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({2, 3, 6, 8})}, {{"size", Dims{3, 2}}}),
                               m.sample({m.tensor({2, 3, 7, 5})}, {{"size", Dims{3, 2}}}),
                               m.sample({m.tensor({1, 2, 3, 3})}, {{"size", Dims{5, 4}}}),
                               m.sample({m.tensor({1, 4, 5, 5})}, {{"size", Dims{1, 1}}}),
                               m.sample({m.tensor({1, 4, 5, 5})}, {{"size", Dims{5, 5}}})};
  };
  op.bad = {{"size is [0,2]", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 2, 2})}, {{"size", Dims{0, 2}}});
             }}};
}

}  // namespace athanor::ops
