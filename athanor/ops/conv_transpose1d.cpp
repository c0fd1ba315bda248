#include "athanor/ops/core/convolution.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(conv_transpose1d,
       "(x, weight, bias?, stride: dims = [1], padding: dims = [0], output_padding: dims = [0], "
       "dilation: dims = [1], groups: integer = 1) -> y") {
  op.doc =
      "The transposed convolution of sequences: what conv1d with the same attributes passes back "
      "to its input. x: [N, C, L], weight: [C, O / groups, k], bias: [O], y: [N, O, l] with l = (L "
      "- 1) stride - 2 padding + dilation (k - 1) + 1 + output_padding.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_conv_transpose("conv_transpose1d", in, a, 1);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor y = conv_transpose2d(
        unsqueeze(in[0], {2}), unsqueeze(in[1], {2}), in[2], with_front(1, a.dims("stride")),
        with_front(0, a.dims("padding")), with_front(0, a.dims("output_padding")),
        with_front(1, a.dims("dilation")), a.integer("groups"));
    return TensorList{squeeze(y, {2})};
  };
  op.amp = Precision::run_low;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(write_conv_transpose);
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 5}), m.tensor({3, 4, 3}), m.tensor({4})},
                 {{"stride", Dims{2}}, {"padding", Dims{1}}, {"output_padding", Dims{1}}}),
        m.sample({m.tensor({1, 4, 4}), m.tensor({4, 3, 2}), Tensor()},
                 {{"stride", Dims{3}}, {"groups", std::int64_t{2}}}),
        m.sample({m.tensor({2, 2, 4}), m.tensor({2, 2, 3}), m.tensor({2})},
                 {{"dilation", Dims{2}}}),
        m.sample({m.tensor({0, 2, 3}), m.tensor({2, 3, 2}), Tensor()})};
  };
  op.bad = {{"conv_transpose1d: input has 3 channels, weight expects 4",
             [](SampleMaker& m) {
               return m.sample({m.tensor({8, 3, 4}), m.tensor({4, 2, 3}), Tensor()});
             }},
            {"output_padding is [1]; it must be smaller than the stride [1]", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 2}), m.tensor({1, 1, 3}), Tensor()},
                               {{"output_padding", Dims{1}}});
             }}};
}

}  // namespace athanor::ops
