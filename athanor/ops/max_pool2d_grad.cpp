#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/pooling.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(max_pool2d_grad, "(x, grad, kernel: dims, stride: dims, padding: dims = [0,0]) -> dx") {
  op.doc =
      "The gradient of max_pool2d by x: each element of grad is added where its window's largest "
      "element stands, the first of equal ones. x: [N, C, H, W], grad: as the output of "
      "max_pool2d.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_rank("max_pool2d_grad", "x", in[0], 4);
    require_same_dtype("max_pool2d_grad", "x", in[0], "grad", in[1]);
    const Shape y =
        window_output("max_pool2d_grad", in[0], pool_window("max_pool2d_grad", a), in[0].shape[1]);
    require<ShapeError>(in[1].shape == y, "max_pool2d_grad: x {} gives an output {}, grad is {}",
                        describe(in[0]), to_string(y), describe(in[1]));
    return MetaList{in[0]};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const auto best = max_positions(in[0], pool_window("max_pool2d_grad", a));
    const auto g = in[1].to_vector<double>();
    std::vector<double> dx(static_cast<std::size_t>(in[0].count()));
    for (std::size_t i = 0; i < best.size(); ++i) dx[static_cast<std::size_t>(best[i])] += g[i];
    return TensorList{from_doubles(dx, in[0].shape(), in[0].dtype())};
  };
  // Linear in grad: its gradient gathers what the scatter spread. Flat in x.
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    TensorList out(2);
    if (v.needs(1))
      out[1] = max_pool2d_gather(v.input(0), v.grad(), a.dims("kernel"), a.dims("stride"),
                                 a.dims("padding"));
    return out;
  };
  op.saves = Saves::input(0);
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.distinct({2, 3, 6, 7}), m.tensor({2, 3, 3, 3})},
                 {{"kernel", Dims{2, 2}}, {"stride", Dims{2, 2}}}),
        m.sample({m.distinct({1, 2, 7, 6}), m.tensor({1, 2, 4, 3})},
                 {{"kernel", Dims{3, 3}}, {"stride", Dims{2, 2}}, {"padding", Dims{1, 1}}}),
        m.sample({m.distinct({1, 17, 5, 4}), m.tensor({1, 17, 5, 3})},
                 {{"kernel", Dims{3, 2}}, {"stride", Dims{1, 1}}, {"padding", Dims{1, 0}}})};
  };
  op.bad = {{"grad is f", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 4, 4}), m.tensor({1, 1, 3, 3})},
                               {{"kernel", Dims{2, 2}}, {"stride", Dims{2, 2}}});
             }}};
}

}  // namespace athanor::ops
