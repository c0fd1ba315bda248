#include <limits>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/pooling.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(max_pool2d, "(x, kernel: dims, stride: dims, padding: dims = [0,0]) -> y") {
  op.doc =
      "The largest element of every window; padding never wins, NaN always does. x: [N, C, H, W], "
      "y: "
      "[N, C, oh, ow] with oh = (H + 2 padding - kernel) / stride + 1; NHWC strides are kept.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_rank("max_pool2d", "x", in[0], 4);
    return MetaList{
        {window_output("max_pool2d", in[0], pool_window("max_pool2d", a), in[0].shape[1]),
         in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Window window = pool_window("max_pool2d", a);
    const auto best = max_positions(in[0], window);
    const auto x = in[0].to_vector<double>();
    std::vector<double> y;
    for (std::int64_t i : best) y.push_back(x[static_cast<std::size_t>(i)]);
    return TensorList{from_doubles(
        y, window_output("max_pool2d", meta_of(in[0]), window, in[0].dim(1)), in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    return max_pool2d_grad(v.input(0), v.grad(), a.dims("kernel"), a.dims("stride"),
                           a.dims("padding"));
  };
  op.saves = Saves::input(0);
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{w.node("MaxPool", call.inputs, onnx_pool_attrs(call.attrs))};
      },
      {{"MaxPool", [](const OnnxReader& node) {
          const OnnxPool p = read_onnx_pool(node, -std::numeric_limits<double>::infinity(), true);
          return TensorList{max_pool2d(p.x, p.kernel, p.stride, p.padding)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.distinct({2, 3, 6, 7})}, {{"kernel", Dims{2, 2}}, {"stride", Dims{2, 2}}}),
        m.sample({m.distinct({1, 2, 7, 6})},
                 {{"kernel", Dims{3, 3}}, {"stride", Dims{2, 2}}, {"padding", Dims{1, 1}}}),
        m.sample({m.distinct({1, 17, 5, 4})},
                 {{"kernel", Dims{3, 2}}, {"stride", Dims{1, 1}}, {"padding", Dims{1, 0}}}),
        m.sample({m.distinct({0, 2, 4, 4})}, {{"kernel", Dims{2, 2}}, {"stride", Dims{2, 2}}})};
  };
  op.bad = {
      {"does not fit into x",
       [](SampleMaker& m) {
         return m.sample({m.tensor({1, 1, 2, 2})},
                         {{"kernel", Dims{3, 3}}, {"stride", Dims{1, 1}}});
       }},
      {"more than half of the kernel",
       [](SampleMaker& m) {
         return m.sample({m.tensor({1, 1, 8, 8})},
                         {{"kernel", Dims{2, 2}}, {"stride", Dims{1, 1}}, {"padding", Dims{2, 2}}});
       }},
      {"kernel is [2]", [](SampleMaker& m) {
         return m.sample({m.tensor({1, 1, 8, 8})}, {{"kernel", Dims{2}}, {"stride", Dims{1, 1}}});
       }}};
}

}  // namespace athanor::ops
