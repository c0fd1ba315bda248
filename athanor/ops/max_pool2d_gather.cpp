#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/pooling.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(max_pool2d_gather, "(x, values, kernel: dims, stride: dims, padding: dims = [0,0]) -> y") {
  op.doc =
      "For every window of max_pool2d the element of `values` that stands where x's largest "
      "element "
      "does: the transpose of max_pool2d_grad. x, values: [N, C, H, W], y: as the output of "
      "max_pool2d.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_rank("max_pool2d_gather", "x", in[0], 4);
    require_same_dtype("max_pool2d_gather", "x", in[0], "values", in[1]);
    require<ShapeError>(in[0].shape == in[1].shape,
                        "max_pool2d_gather: x and values must have one shape (x: {}, values: {})",
                        describe(in[0]), describe(in[1]));
    return MetaList{{window_output("max_pool2d_gather", in[0], pool_window("max_pool2d_gather", a),
                                   in[0].shape[1]),
                     in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Window window = pool_window("max_pool2d_gather", a);
    const auto values = in[1].to_vector<double>();
    std::vector<double> y;
    for (std::int64_t i : max_positions(in[0], window))
      y.push_back(values[static_cast<std::size_t>(i)]);
    return TensorList{
        from_doubles(y, window_output("max_pool2d_gather", meta_of(in[0]), window, in[0].dim(1)),
                     in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    TensorList out(2);
    if (v.needs(1))
      out[1] = max_pool2d_grad(v.input(0), v.grad(), a.dims("kernel"), a.dims("stride"),
                               a.dims("padding"));
    return out;
  };
  op.saves = Saves::input(0);
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.distinct({2, 3, 6, 7}), m.tensor({2, 3, 6, 7})},
                 {{"kernel", Dims{2, 2}}, {"stride", Dims{2, 2}}}),
        m.sample({m.distinct({1, 2, 7, 6}), m.tensor({1, 2, 7, 6})},
                 {{"kernel", Dims{3, 3}}, {"stride", Dims{2, 2}}, {"padding", Dims{1, 1}}})};
  };
  op.bad = {{"must have one shape", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 4, 4}), m.tensor({1, 1, 3, 3})},
                               {{"kernel", Dims{2, 2}}, {"stride", Dims{2, 2}}});
             }}};
}

}  // namespace athanor::ops
