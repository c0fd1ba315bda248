#include "athanor/ops/core/convolution.hpp"
#include "athanor/ops/core/volume.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(conv3d,
       "(x, weight, bias?, stride: dims = [1,1,1], padding: dims = [0,0,0], dilation: dims = "
       "[1,1,1], groups: integer = 1) -> y") {
  op.doc =
      "Cross-correlation of volumes with a bank of filters: the sum over the filter's depth of "
      "2-D convolutions. x: [N, C, D, H, W], weight: [O, C / groups, d, h, w], bias: [O]. Throws "
      "ShapeError when channels, groups or kernel do not fit.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_conv("conv3d", in, a, 3);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims &s = a.dims("stride"), &p = a.dims("padding"), &d = a.dims("dilation");
    const Tensor& weight = in[1];
    const std::int64_t depth = weight.dim(2);
    const Dims stride{s[1], s[2]}, padding{p[1], p[2]}, dilation{d[1], d[2]};
    const Tensor x = p[0] ? pad(in[0], {0, 0, p[0], 0, 0}, {0, 0, p[0], 0, 0}) : in[0];
    const std::int64_t out = (x.dim(2) - d[0] * (depth - 1) - 1) / s[0] + 1;
    Tensor y;
    for (std::int64_t k = 0; k < depth; ++k) {
      const Tensor filter = squeeze(slice(weight, 2, k, k + 1, 1), {2});
      const Tensor part =
          conv2d(depth_slices(x, k * d[0], s[0], out), filter, k == 0 ? in[2] : Tensor(), stride,
                 padding, dilation, a.integer("groups"));
      y = y.defined() ? y + part : part;
    }
    return TensorList{contiguous(from_slices(y, out))};
  };
  op.amp = Precision::run_low;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(write_conv);
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 4, 5, 4}), m.tensor({4, 3, 2, 3, 2}), m.tensor({4})},
                 {{"padding", Dims{1, 1, 0}}}),
        m.sample(
            {m.tensor({1, 4, 5, 4, 4}), m.tensor({2, 2, 2, 2, 2}), Tensor()},
            {{"stride", Dims{2, 1, 2}}, {"dilation", Dims{2, 1, 1}}, {"groups", std::int64_t{2}}}),
        m.sample({m.tensor({1, 2, 3, 3, 3}), m.tensor({3, 2, 1, 1, 1}), m.tensor({3})})};
  };
  op.bad = {{"conv3d: input has 3 channels, weight expects 4",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 3, 4, 4, 4}), m.tensor({2, 4, 2, 2, 2}), Tensor()});
             }},
            {"conv3d: a kernel of 3 with dilation 1 and padding 0 does not fit into axis 2",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 2, 4, 4}), m.tensor({1, 1, 3, 2, 2}), Tensor()});
             }}};
}

}  // namespace athanor::ops
