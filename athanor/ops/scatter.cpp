#include "athanor/ops/core/scatter.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(scatter, "(x, index, source, axis: integer) -> y") {
  op.doc =
      "x with y[i, index[i, j, k], k] = source[i, j, k] for axis 1. Of elements that meet in one "
      "place the last in the order of source stays, and it alone has a gradient. index and source "
      "have one shape; negative indices count from the end. Throws IndexError for one outside.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_scatter("scatter", in, a);
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{reference_scatter("scatter", in, a, [](double, double s) { return s; })};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor& index = v.input(1);
    const TensorMeta &x = v.meta(0), &source = v.meta(2);
    const std::int64_t axis = v.attrs().integer("axis");
    TensorList grads(3);
    if (v.needs(0))
      grads[0] = scatter(v.grad(), index, Tensor::zeros(source.shape, source.dtype), axis);
    if (!v.needs(2)) return grads;
    // Who stays: the elements write their places along the axis, and each looks whose is there.
    Dims line(source.shape.size(), 1);
    const auto at = static_cast<std::size_t>(
        normalize_axis(axis, static_cast<std::int64_t>(line.size()), "scatter"));
    line[at] = source.shape[at];
    const Tensor place = line[at] == 0
                             ? Tensor::zeros(source.shape, DType::i64)
                             : expand(reshape(Tensor::arange(line[at]), line), source.shape);
    const Tensor kept = scatter(Tensor::zeros(x.shape, DType::i64), index, place, axis);
    grads[2] =
        gather(v.grad(), index, axis) * cast(eq(gather(kept, index, axis), place), source.dtype);
    return grads;
  };
  op.saves = Saves::input(1);
  op.onnx = onnx_custom(onnx_scatter("none"));
  op.samples = [](SampleMaker& m) {
    return scatter_samples(m, [&m](const Shape& x, const Shape& source) {
      return TensorList{m.tensor(x), m.tensor(source)};
    });
  };
  op.bad = bad_scatters("scatter");
}

}  // namespace athanor::ops
