#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/pooling.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(avg_pool2d_grad,
       "(grad, height: integer, width: integer, kernel: dims, stride: dims, padding: dims = [0,0], "
       "count_include_pad: flag = false) -> dx") {
  op.doc =
      "The gradient of avg_pool2d by its input: every element of grad is spread evenly over its "
      "window. grad: [N, C, oh, ow], dx: [N, C, height, width].";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_pool_grad("avg_pool2d_grad", in[0], a, a.integer("height"), a.integer("width"));
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Window window = pool_window("avg_pool2d_grad", a);
    const Shape x{in[0].dim(0), in[0].dim(1), a.integer("height"), a.integer("width")};
    const bool include = a.flag("count_include_pad");
    const auto rows = window_counts(window, 0, x[2], include);
    const auto columns = window_counts(window, 1, x[3], include);
    const auto g = in[0].to_vector<double>();
    std::vector<double> dx(static_cast<std::size_t>(element_count(x)));
    for_each_window_element(x, in[0].shape(), window, [&](std::int64_t to, std::int64_t from) {
      const auto width = static_cast<std::int64_t>(columns.size());
      const std::int64_t count = rows[static_cast<std::size_t>(from / width) % rows.size()] *
                                 columns[static_cast<std::size_t>(from % width)];
      dx[static_cast<std::size_t>(to)] +=
          g[static_cast<std::size_t>(from)] / static_cast<double>(count);
    });
    return TensorList{from_doubles(dx, x, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    return avg_pool2d(v.grad(), a.dims("kernel"), a.dims("stride"), a.dims("padding"),
                      a.flag("count_include_pad"));
  };
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({2, 3, 3, 3})}, {{"height", std::int64_t{6}},
                                                                   {"width", std::int64_t{7}},
                                                                   {"kernel", Dims{2, 2}},
                                                                   {"stride", Dims{2, 2}}}),
                               m.sample({m.tensor({1, 2, 4, 3})}, {{"height", std::int64_t{7}},
                                                                   {"width", std::int64_t{6}},
                                                                   {"kernel", Dims{3, 3}},
                                                                   {"stride", Dims{2, 2}},
                                                                   {"padding", Dims{1, 1}}}),
                               m.sample({m.tensor({1, 17, 5, 5})}, {{"height", std::int64_t{5}},
                                                                    {"width", std::int64_t{4}},
                                                                    {"kernel", Dims{3, 2}},
                                                                    {"stride", Dims{1, 1}},
                                                                    {"padding", Dims{1, 1}},
                                                                    {"count_include_pad", true}})};
  };
  op.bad = {{"grad is f", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 3, 3})}, {{"height", std::int64_t{4}},
                                                          {"width", std::int64_t{4}},
                                                          {"kernel", Dims{2, 2}},
                                                          {"stride", Dims{2, 2}}});
             }}};
}

}  // namespace athanor::ops
