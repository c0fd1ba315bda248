#include "athanor/ops/core/convolution.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(conv_transpose2d,
       "(x, weight, bias?, stride: dims = [1,1], padding: dims = [0,0], output_padding: dims = "
       "[0,0], dilation: dims = [1,1], groups: integer = 1) -> y") {
  op.doc =
      "The transposed convolution: what conv2d with the same attributes passes back to its input. "
      "x: [N, C, H, W], weight: [C, O / groups, kh, kw], bias: [O], y: [N, O, oh, ow] with oh = (H "
      "- 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding; NHWC strides are kept. "
      "Throws ShapeError when channels or groups do not fit or nothing is left of y.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_conv_transpose("conv_transpose2d", in, a, 2);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims &stride = a.dims("stride"), &padding = a.dims("padding"),
               &more = a.dims("output_padding"), &dilation = a.dims("dilation");
    Tensor x = in[0];
    // conv2d ignores less than a stride behind its last window; more is as much of a larger x.
    const Dims rows{0, 0, more[0] / stride[0], more[1] / stride[1]};
    if (rows[2] != 0 || rows[3] != 0) x = pad(x, {0, 0, 0, 0}, rows);
    std::int64_t size[2];
    for (std::size_t i = 0; i < 2; ++i)
      size[i] = (x.shape()[i + 2] - 1) * stride[i] - 2 * padding[i] +
                dilation[i] * (in[1].shape()[i + 2] - 1) + 1 + more[i] % stride[i];
    const Tensor y = conv2d_input_grad(x, in[1], size[0], size[1], stride, padding, dilation,
                                       a.integer("groups"));
    return TensorList{add_bias(y, in[2])};
  };
  op.amp = Precision::run_low;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(write_conv_transpose, {{"ConvTranspose", read_conv_transpose}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 4, 5}), m.tensor({3, 4, 3, 3}), m.tensor({4})}),
        m.sample({m.tensor({1, 4, 3, 4}), m.tensor({4, 3, 3, 2}), Tensor()},
                 {{"stride", Dims{2, 1}}, {"groups", std::int64_t{2}}}),
        m.sample({m.tensor({2, 4, 3, 3}), m.tensor({4, 1, 3, 3}), m.tensor({4})},
                 {{"stride", Dims{2, 2}},
                  {"padding", Dims{1, 1}},
                  {"output_padding", Dims{1, 0}},
                  {"groups", std::int64_t{4}}}),
        m.sample(
            {m.tensor({1, 3, 4, 3}), m.tensor({3, 2, 3, 3}), Tensor()},
            {{"padding", Dims{2, 1}}, {"output_padding", Dims{1, 2}}, {"dilation", Dims{2, 3}}}),
        m.sample({m.tensor({0, 2, 3, 3}), m.tensor({2, 3, 2, 2}), m.tensor({3})})};
  };
  op.bad = {{"conv_transpose2d: input has 3 channels, weight expects 4",
             [](SampleMaker& m) {
               return m.sample({m.tensor({8, 3, 4, 4}), m.tensor({4, 2, 3, 3}), Tensor()});
             }},
            {"output_padding is [2,0]; it must be smaller than the stride [2,2]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 2, 2}), m.tensor({1, 1, 3, 3}), Tensor()},
                               {{"stride", Dims{2, 2}}, {"output_padding", Dims{2, 0}}});
             }},
            {"padding 1 leaves nothing of axis 2",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 1, 3}), m.tensor({1, 1, 2, 2}), Tensor()},
                               {{"padding", Dims{1, 1}}});
             }},
            {"bias must have shape [4]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 2, 4, 4}), m.tensor({2, 2, 3, 3}), m.tensor({2})},
                               {{"groups", std::int64_t{2}}});
             }},
            {"does not split into 2 groups", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 3, 4, 4}), m.tensor({3, 2, 3, 3}), Tensor()},
                               {{"groups", std::int64_t{2}}});
             }}};
}

}  // namespace athanor::ops
