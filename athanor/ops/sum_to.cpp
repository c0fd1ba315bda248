#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(sum_to, "(x, shape: dims) -> y") {
  op.doc =
      "Sums x over the axes along which `shape` was broadcast to x's shape: the inverse of expand.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims& shape = a.dims("shape");
    require<ShapeError>(broadcast_shapes(in[0].shape, shape, "sum_to") == in[0].shape,
                        "sum_to: {} does not broadcast to {}", to_string(shape),
                        to_string(in[0].shape));
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims& shape = a.dims("shape");
    const std::size_t lead = static_cast<std::size_t>(in[0].rank()) - shape.size();
    Dims axes;
    for (std::size_t i = 0; i < in[0].shape().size(); ++i)
      if (i < lead || (shape[i - lead] == 1 && in[0].shape()[i] != 1))
        axes.push_back(static_cast<std::int64_t>(i));
    if (axes.empty()) return TensorList{contiguous(in[0])};
    // sum widens integers; the dtype stays here.
    const Tensor y = reshape(sum(in[0], axes, false), shape);
    return TensorList{y.dtype() == in[0].dtype() ? y : cast(y, in[0].dtype())};
  };
  op.reduction = true;
  op.shard = Shard::reduction;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({2, 3, 4})}, {{"shape", Dims{3, 1}}}),
                               m.sample({m.tensor({4})}, {{"shape", Dims{}}}),
                               m.sample({m.tensor({2, 3})}, {{"shape", Dims{2, 3}}}),
                               m.sample({m.tensor({0, 3})}, {{"shape", Dims{3}}})};
  };
  op.bad = {{"do not broadcast",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"shape", Dims{2}}}); }}};
}

}  // namespace athanor::ops
