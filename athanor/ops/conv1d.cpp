#include "athanor/ops/core/convolution.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(conv1d,
       "(x, weight, bias?, stride: dims = [1], padding: dims = [0], dilation: dims = [1], groups: "
       "integer = 1) -> y") {
  op.doc =
      "Cross-correlation of sequences with a bank of filters. x: [N, C, L], weight: [O, C / "
      "groups, "
      "k], bias: [O], y: [N, O, l] with l = (L + 2 padding - dilation (k - 1) - 1) / stride + 1. "
      "Throws ShapeError when channels, groups or kernel do not fit.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_conv("conv1d", in, a, 1);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    // A picture of height 1.
    const Tensor y = conv2d(unsqueeze(in[0], {2}), unsqueeze(in[1], {2}), in[2],
                            with_front(1, a.dims("stride")), with_front(0, a.dims("padding")),
                            with_front(1, a.dims("dilation")), a.integer("groups"));
    return TensorList{squeeze(y, {2})};
  };
  op.amp = Precision::run_low;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(write_conv);
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 9}), m.tensor({4, 3, 3}), m.tensor({4})}, {{"padding", Dims{1}}}),
        m.sample({m.tensor({1, 4, 8}), m.tensor({6, 2, 2}), Tensor()},
                 {{"stride", Dims{2}}, {"groups", std::int64_t{2}}}),
        m.sample({m.tensor({2, 4, 7}), m.tensor({4, 1, 3}), m.tensor({4})},
                 {{"padding", Dims{2}}, {"dilation", Dims{2}}, {"groups", std::int64_t{4}}}),
        m.sample({m.tensor({3, 5, 4}), m.tensor({2, 5, 1}), m.tensor({2})}),
        m.sample({m.tensor({0, 3, 5}), m.tensor({2, 3, 3}), Tensor()})};
  };
  op.bad = {{"conv1d: input has 3 channels, weight expects 4",
             [](SampleMaker& m) {
               return m.sample({m.tensor({8, 3, 32}), m.tensor({16, 4, 3}), Tensor()});
             }},
            {"conv1d: a kernel of 3 with dilation 1 and padding 0 does not fit into axis 2",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 2}), m.tensor({1, 1, 3}), Tensor()});
             }},
            {"bias must have shape [2]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 4}), m.tensor({2, 1, 3}), m.tensor({3})});
             }},
            {"stride is [1,1]; it must have 1 value",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 4}), m.tensor({2, 1, 3}), Tensor()},
                               {{"stride", Dims{1, 1}}});
             }},
            {"no whole number of filters",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 4, 4}), m.tensor({3, 2, 3}), Tensor()},
                               {{"groups", std::int64_t{2}}});
             }},
            {"must have 3 dimensions", [](SampleMaker& m) {
               return m.sample({m.tensor({4, 4}), m.tensor({3, 4, 4}), Tensor()});
             }}};
}

}  // namespace athanor::ops
