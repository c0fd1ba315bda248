#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/pooling.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(avg_pool2d,
       "(x, kernel: dims, stride: dims, padding: dims = [0,0], count_include_pad: flag = false) -> "
       "y") {
  op.doc =
      "The mean of every window, over its elements inside x or, with count_include_pad, over the "
      "whole kernel with zeros outside. x: [N, C, H, W], y: [N, C, oh, ow]; NHWC strides are kept.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_rank("avg_pool2d", "x", in[0], 4);
    return MetaList{
        {window_output("avg_pool2d", in[0], pool_window("avg_pool2d", a), in[0].shape[1]),
         in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Window window = pool_window("avg_pool2d", a);
    const Shape shape = window_output("avg_pool2d", meta_of(in[0]), window, in[0].dim(1));
    const auto x = in[0].to_vector<double>();
    std::vector<double> y(static_cast<std::size_t>(element_count(shape)));
    std::vector<double> counts(y.size());
    for_each_window_element(in[0].shape(), shape, window, [&](std::int64_t from, std::int64_t to) {
      y[static_cast<std::size_t>(to)] += x[static_cast<std::size_t>(from)];
      counts[static_cast<std::size_t>(to)] += 1;
    });
    const double whole = static_cast<double>(window.kernel[0] * window.kernel[1]);
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] /= a.flag("count_include_pad") ? whole : counts[i];
    return TensorList{from_doubles(y, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    const Shape& x = v.meta(0).shape;
    return avg_pool2d_grad(v.grad(), x[2], x[3], a.dims("kernel"), a.dims("stride"),
                           a.dims("padding"), a.flag("count_include_pad"));
  };
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        OnnxAttrs attrs = onnx_pool_attrs(call.attrs);
        attrs["count_include_pad"] = std::int64_t{call.attrs.flag("count_include_pad")};
        return OnnxNames{w.node("AveragePool", call.inputs, attrs)};
      },
      {{"AveragePool", [](const OnnxReader& node) {
          const bool include = node.integer("count_include_pad", 0) != 0;
          const OnnxPool p = read_onnx_pool(node, 0, include);
          return TensorList{avg_pool2d(p.x, p.kernel, p.stride, p.padding, include)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 6, 7})}, {{"kernel", Dims{2, 2}}, {"stride", Dims{2, 2}}}),
        m.sample({m.tensor({1, 2, 7, 6})},
                 {{"kernel", Dims{3, 3}}, {"stride", Dims{2, 2}}, {"padding", Dims{1, 1}}}),
        m.sample({m.tensor({1, 17, 5, 4})}, {{"kernel", Dims{3, 2}},
                                             {"stride", Dims{1, 1}},
                                             {"padding", Dims{1, 1}},
                                             {"count_include_pad", true}}),
        m.sample({m.tensor({0, 2, 4, 4})}, {{"kernel", Dims{2, 2}}, {"stride", Dims{2, 2}}})};
  };
  op.bad = {{"does not fit into x", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 2, 2})},
                               {{"kernel", Dims{3, 3}}, {"stride", Dims{1, 1}}});
             }}};
}

}  // namespace athanor::ops
