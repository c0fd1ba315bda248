#include "athanor/ops/core/convolution.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/window.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(conv2d,
       "(x, weight, bias?, stride: dims = [1,1], padding: dims = [0,0], dilation: dims = [1,1], "
       "groups: integer = 1) -> y") {
  op.doc =
      "Cross-correlation of images with a bank of filters, as the field's convolution layers do "
      "it. "
      "x: [N, C, H, W], weight: [O, C / groups, kh, kw], bias: [O], y: [N, O, oh, ow] with oh = (H "
      "+ "
      "2 padding - dilation (kh - 1) - 1) / stride + 1; NHWC strides are kept. Throws ShapeError "
      "when channels, groups or kernel do not fit.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta &x = in[0], &w = in[1], &bias = in[2];
    require_rank("conv2d", "x", x, 4);
    require_rank("conv2d", "weight", w, 4);
    require_same_dtype("conv2d", "x", x, "weight", w);
    const std::int64_t groups = a.integer("groups");
    require(groups >= 1, "conv2d: groups is {}; it must be at least 1", groups);
    require<ShapeError>(x.shape[1] == w.shape[1] * groups,
                        "conv2d: input has {} channels, weight expects {} (x: {}, weight: {})",
                        x.shape[1], w.shape[1] * groups, describe(x), describe(w));
    require<ShapeError>(w.shape[0] > 0 && w.shape[0] % groups == 0 && w.shape[1] > 0 &&
                            w.shape[2] > 0 && w.shape[3] > 0,
                        "conv2d: weight {} with groups {} has no whole number of filters for each "
                        "group",
                        describe(w), groups);
    if (!bias.shape.empty()) {
      require<ShapeError>(bias.shape == Shape{w.shape[0]},
                          "conv2d: bias must have shape [{}], one value for each filter (bias: {}, "
                          "weight: {})",
                          w.shape[0], describe(bias), describe(w));
      require_same_dtype("conv2d", "x", x, "bias", bias);
    }
    const Window window = conv_window("conv2d", a, w.shape[2], w.shape[3]);
    return MetaList{{window_output("conv2d", x, window, w.shape[0]), x.dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Window window = conv_window("conv2d", a, in[1].dim(2), in[1].dim(3));
    const Tensor y =
        conv2d_reference(as_f64(in[0]), as_f64(in[1]), in[2].defined() ? as_f64(in[2]) : Tensor(),
                         window, a.integer("groups"));
    return TensorList{as_dtype(y, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    const Dims &stride = a.dims("stride"), &padding = a.dims("padding"),
               &dilation = a.dims("dilation");
    const std::int64_t groups = a.integer("groups");
    const Shape &x = v.meta(0).shape, &w = v.meta(1).shape;
    const Tensor g = v.grad();
    TensorList out(3);
    if (v.needs(0))
      out[0] = conv2d_input_grad(g, v.input(1), x[2], x[3], stride, padding, dilation, groups);
    if (v.needs(1))
      out[1] = conv2d_weight_grad(v.input(0), g, {w[2], w[3]}, stride, padding, dilation, groups);
    if (v.needs(2)) out[2] = sum(g, {0, 2, 3}, false);
    return out;
  };
  op.saves = Saves::input(0) | Saves::input(1);
  op.amp = Precision::run_low;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(write_conv, {{"Conv", read_conv}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 7, 6}), m.tensor({4, 3, 3, 3}), m.tensor({4})},
                 {{"padding", Dims{1, 1}}}),
        m.sample({m.tensor({1, 4, 8, 5}), m.tensor({6, 2, 3, 2}), Tensor()},
                 {{"stride", Dims{2, 1}}, {"groups", std::int64_t{2}}}),
        m.sample({m.tensor({2, 4, 6, 6}), m.tensor({4, 1, 3, 3}), m.tensor({4})},
                 {{"stride", Dims{2, 2}}, {"padding", Dims{1, 1}}, {"groups", std::int64_t{4}}}),
        m.sample({m.tensor({1, 2, 9, 8}), m.tensor({3, 2, 3, 3}), Tensor()},
                 {{"padding", Dims{2, 0}}, {"dilation", Dims{2, 3}}}),
        m.sample({m.tensor({3, 5, 4, 3}), m.tensor({2, 5, 1, 1}), m.tensor({2})}),
        m.sample({m.tensor({0, 3, 5, 5}), m.tensor({2, 3, 3, 3}), Tensor()}),
    };
  };
  op.bad = {{"conv2d: input has 3 channels, weight expects 4",
             [](SampleMaker& m) {
               return m.sample({m.tensor({8, 3, 32, 32}), m.tensor({16, 4, 3, 3}), Tensor()});
             }},
            {"does not fit into x",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 2, 2}), m.tensor({1, 1, 3, 3}), Tensor()});
             }},
            {"bias must have shape [2]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 4, 4}), m.tensor({2, 1, 3, 3}), m.tensor({3})});
             }},
            {"stride is [0,1]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 4, 4}), m.tensor({2, 1, 3, 3}), Tensor()},
                               {{"stride", Dims{0, 1}}});
             }},
            {"no whole number of filters",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 4, 4, 4}), m.tensor({3, 2, 3, 3}), Tensor()},
                               {{"groups", std::int64_t{2}}});
             }},
            {"must have 4 dimensions", [](SampleMaker& m) {
               return m.sample({m.tensor({4, 4, 4}), m.tensor({3, 4, 3, 3}), Tensor()});
             }}};
}

}  // namespace athanor::ops
