#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/window.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(conv2d_input_grad,
       "(grad, weight, height: integer, width: integer, stride: dims = [1,1], padding: dims = "
       "[0,0], dilation: dims = [1,1], groups: integer = 1) -> dx") {
  op.doc =
      "The gradient of conv2d by its input (a transposed convolution). grad: [N, O, oh, ow], "
      "weight: "
      "[O, C / groups, kh, kw], dx: [N, C, height, width]. Throws ShapeError unless conv2d of dx's "
      "shape gives grad's.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta &g = in[0], &w = in[1];
    require_rank("conv2d_input_grad", "grad", g, 4);
    require_rank("conv2d_input_grad", "weight", w, 4);
    require_same_dtype("conv2d_input_grad", "grad", g, "weight", w);
    const std::int64_t groups = a.integer("groups");
    require(groups >= 1, "conv2d_input_grad: groups is {}; it must be at least 1", groups);
    const Window window = conv_window("conv2d_input_grad", a, w.shape[2], w.shape[3]);
    const TensorMeta x{{g.shape[0], w.shape[1] * groups, a.integer("height"), a.integer("width")},
                       g.dtype};
    require(x.shape[2] >= 1 && x.shape[3] >= 1,
            "conv2d_input_grad: height {} and width {} must be at least 1", x.shape[2], x.shape[3]);
    const Shape y = window_output("conv2d_input_grad", x, window, w.shape[0]);
    require<ShapeError>(
        y == g.shape, "conv2d_input_grad: an input {} and weight {} give an output {}, grad is {}",
        to_string(x.shape), describe(w), to_string(y), describe(g));
    require<ShapeError>(w.shape[0] % groups == 0 && w.shape[1] > 0,
                        "conv2d_input_grad: weight {} does not split into {} groups", describe(w),
                        groups);
    return MetaList{x};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Window window = conv_window("conv2d_input_grad", a, in[1].dim(2), in[1].dim(3));
    const std::int64_t groups = a.integer("groups");
    const Shape x{in[0].dim(0), in[1].dim(1) * groups, a.integer("height"), a.integer("width")};
    return TensorList{
        as_dtype(conv2d_input_grad_reference(as_f64(in[0]), as_f64(in[1]), x, window, groups),
                 in[0].dtype())};
  };
  // Linear in both inputs: its gradients are the other two convolutions.
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    const Dims &stride = a.dims("stride"), &padding = a.dims("padding"),
               &dilation = a.dims("dilation");
    const std::int64_t groups = a.integer("groups");
    const Shape& w = v.meta(1).shape;
    const Tensor u = v.grad();
    TensorList out(2);
    if (v.needs(0)) out[0] = conv2d(u, v.input(1), {}, stride, padding, dilation, groups);
    if (v.needs(1))
      out[1] = conv2d_weight_grad(u, v.input(0), {w[2], w[3]}, stride, padding, dilation, groups);
    return out;
  };
  op.saves = Saves::inputs;
  op.amp = Precision::run_low;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample(
            {m.tensor({2, 4, 7, 6}), m.tensor({4, 3, 3, 3})},
            {{"height", std::int64_t{7}}, {"width", std::int64_t{6}}, {"padding", Dims{1, 1}}}),
        m.sample({m.tensor({1, 6, 3, 4}), m.tensor({6, 2, 3, 2})}, {{"height", std::int64_t{8}},
                                                                    {"width", std::int64_t{5}},
                                                                    {"stride", Dims{2, 1}},
                                                                    {"groups", std::int64_t{2}}}),
        m.sample({m.tensor({2, 4, 3, 3}), m.tensor({4, 1, 3, 3})}, {{"height", std::int64_t{6}},
                                                                    {"width", std::int64_t{6}},
                                                                    {"stride", Dims{2, 2}},
                                                                    {"padding", Dims{1, 1}},
                                                                    {"groups", std::int64_t{4}}}),
        m.sample({m.tensor({1, 3, 9, 2}), m.tensor({3, 2, 3, 3})}, {{"height", std::int64_t{9}},
                                                                    {"width", std::int64_t{8}},
                                                                    {"padding", Dims{2, 0}},
                                                                    {"dilation", Dims{2, 3}}}),
        m.sample({m.tensor({0, 2, 3, 3}), m.tensor({2, 3, 3, 3})},
                 {{"height", std::int64_t{5}}, {"width", std::int64_t{5}}})};
  };
  op.bad = {{"grad is f", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 2, 4, 4}), m.tensor({2, 1, 3, 3})},
                               {{"height", std::int64_t{5}}, {"width", std::int64_t{5}}});
             }}};
}

}  // namespace athanor::ops
