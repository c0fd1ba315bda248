#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/window.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(conv2d_weight_grad,
       "(x, grad, kernel: dims, stride: dims = [1,1], padding: dims = [0,0], dilation: dims = "
       "[1,1], groups: integer = 1) -> dweight") {
  op.doc =
      "The gradient of conv2d by its weight. x: [N, C, H, W], grad: [N, O, oh, ow], kernel: [kh, "
      "kw], dweight: [O, C / groups, kh, kw]. Throws ShapeError unless conv2d of x gives grad's "
      "shape.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta &x = in[0], &g = in[1];
    require_rank("conv2d_weight_grad", "x", x, 4);
    require_rank("conv2d_weight_grad", "grad", g, 4);
    require_same_dtype("conv2d_weight_grad", "x", x, "grad", g);
    const Dims& kernel = a.dims("kernel");
    require_pair("conv2d_weight_grad", "kernel", kernel, 1);
    const std::int64_t groups = a.integer("groups");
    require<ShapeError>(groups >= 1 && x.shape[1] % groups == 0 && g.shape[1] % groups == 0,
                        "conv2d_weight_grad: channels of x: {} and grad: {} do not split into {} "
                        "groups",
                        describe(x), describe(g), groups);
    const Window window = conv_window("conv2d_weight_grad", a, kernel[0], kernel[1]);
    const Shape y = window_output("conv2d_weight_grad", x, window, g.shape[1]);
    require<ShapeError>(y == g.shape,
                        "conv2d_weight_grad: x {} and kernel {} give an output {}, grad is {}",
                        describe(x), to_string(kernel), to_string(y), describe(g));
    return MetaList{{{g.shape[1], x.shape[1] / groups, kernel[0], kernel[1]}, x.dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims& kernel = a.dims("kernel");
    const Window window = conv_window("conv2d_weight_grad", a, kernel[0], kernel[1]);
    const std::int64_t groups = a.integer("groups");
    const Shape w{in[1].dim(1), in[0].dim(1) / groups, kernel[0], kernel[1]};
    return TensorList{
        as_dtype(conv2d_weight_grad_reference(as_f64(in[0]), as_f64(in[1]), w, window, groups),
                 in[0].dtype())};
  };
  // Linear in both inputs: its gradients are the other two convolutions.
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    const Dims &stride = a.dims("stride"), &padding = a.dims("padding"),
               &dilation = a.dims("dilation");
    const std::int64_t groups = a.integer("groups");
    const Shape& x = v.meta(0).shape;
    const Tensor u = v.grad();
    TensorList out(2);
    if (v.needs(0))
      out[0] = conv2d_input_grad(v.input(1), u, x[2], x[3], stride, padding, dilation, groups);
    if (v.needs(1)) out[1] = conv2d(v.input(0), u, {}, stride, padding, dilation, groups);
    return out;
  };
  op.saves = Saves::inputs;
  op.amp = Precision::run_low;
  op.shard = Shard::contraction;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 7, 6}), m.tensor({2, 4, 7, 6})},
                 {{"kernel", Dims{3, 3}}, {"padding", Dims{1, 1}}}),
        m.sample({m.tensor({1, 4, 8, 5}), m.tensor({1, 6, 3, 4})},
                 {{"kernel", Dims{3, 2}}, {"stride", Dims{2, 1}}, {"groups", std::int64_t{2}}}),
        m.sample({m.tensor({2, 4, 6, 6}), m.tensor({2, 4, 3, 3})}, {{"kernel", Dims{3, 3}},
                                                                    {"stride", Dims{2, 2}},
                                                                    {"padding", Dims{1, 1}},
                                                                    {"groups", std::int64_t{4}}}),
        m.sample({m.tensor({1, 2, 9, 8}), m.tensor({1, 3, 9, 2})},
                 {{"kernel", Dims{3, 3}}, {"padding", Dims{2, 0}}, {"dilation", Dims{2, 3}}}),
        m.sample({m.tensor({0, 3, 5, 5}), m.tensor({0, 2, 3, 3})}, {{"kernel", Dims{3, 3}}})};
  };
  op.bad = {{"grad is f", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 2, 4, 4}), m.tensor({1, 2, 4, 4})},
                               {{"kernel", Dims{3, 3}}});
             }}};
}

}  // namespace athanor::ops
