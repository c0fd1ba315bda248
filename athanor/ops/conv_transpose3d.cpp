#include "athanor/ops/core/convolution.hpp"
#include "athanor/ops/core/volume.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// Zeros between the slices of the depth, so that they lie `step` apart.
Tensor spread(const Tensor& y, std::int64_t step) {
  if (step == 1) return y;
  const Tensor wide = pad(unsqueeze(y, {3}), Dims(6, 0), {0, 0, 0, step - 1, 0, 0});
  const std::int64_t depth = y.dim(2);
  return slice(reshape(wide, {y.dim(0), y.dim(1), depth * step, y.dim(3), y.dim(4)}), 2, 0,
               (depth - 1) * step + 1, 1);
}

}  // namespace

ATH_OP(conv_transpose3d,
       "(x, weight, bias?, stride: dims = [1,1,1], padding: dims = [0,0,0], output_padding: dims = "
       "[0,0,0], dilation: dims = [1,1,1], groups: integer = 1) -> y") {
  op.doc =
      "The transposed convolution of volumes, the gradient of conv3d by its input: every value of "
      "x "
      "adds a filter to y. x: [N, C, D, H, W], weight: [C, O / groups, d, h, w], bias: [O].";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_conv_transpose("conv_transpose3d", in, a, 3);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims &s = a.dims("stride"), &p = a.dims("padding"), &d = a.dims("dilation"),
               &more = a.dims("output_padding");
    const Tensor &x = in[0], &weight = in[1];
    const std::int64_t depth = weight.dim(2), steps = x.dim(2), span = d[0] * (depth - 1);
    const Tensor slices = depth_slices(x, 0, 1, steps);
    Tensor y;
    for (std::int64_t k = 0; k < depth; ++k) {
      const Tensor filter = squeeze(slice(weight, 2, k, k + 1, 1), {2});
      const Tensor part = conv_transpose2d(slices, filter, Tensor(), {s[1], s[2]}, {p[1], p[2]},
                                           {more[1], more[2]}, {d[1], d[2]}, a.integer("groups"));
      const std::int64_t before = k * d[0];
      const Tensor placed = pad(spread(from_slices(part, steps), s[0]), {0, 0, before, 0, 0},
                                {0, 0, span - before + more[0], 0, 0});
      y = y.defined() ? y + placed : placed;
    }
    y = slice(y, 2, p[0], y.dim(2) - p[0], 1);
    return TensorList{contiguous(add_bias(y, in[2]))};
  };
  op.amp = Precision::run_low;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(write_conv_transpose);
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 3, 4, 3}), m.tensor({3, 2, 2, 3, 2}), m.tensor({2})}),
        m.sample({m.tensor({1, 4, 3, 2, 3}), m.tensor({4, 2, 3, 2, 2}), Tensor()},
                 {{"stride", Dims{2, 1, 2}},
                  {"padding", Dims{1, 0, 0}},
                  {"output_padding", Dims{1, 0, 1}},
                  {"groups", std::int64_t{2}}}),
        m.sample({m.tensor({1, 2, 2, 2, 2}), m.tensor({2, 1, 2, 1, 1}), m.tensor({1})},
                 {{"dilation", Dims{2, 1, 1}}})};
  };
  op.bad = {{"conv_transpose3d: input has 3 channels, weight expects 4", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 3, 2, 2, 2}), m.tensor({4, 2, 2, 2, 2}), Tensor()});
             }}};
}

}  // namespace athanor::ops
