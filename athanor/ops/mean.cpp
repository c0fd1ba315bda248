#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {
DType mean_dtype(DType d) { return is_floating(d) ? d : DType::f32; }
}  // namespace

ATH_OP(mean, "(x, axes: dims = [], keep: flag = false) -> y") {
  op.doc =
      "Mean over the axes (none given: all), which vanish or stay with size 1 if `keep`. Integers "
      "and bool give f32; the mean of nothing is NaN.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("mean", in[0], a, mean_dtype(in[0].dtype));
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{reference_reduction(in[0], a, mean_dtype(in[0].dtype()), "mean",
                                          [](const std::vector<double>& values) {
                                            double total = 0;
                                            for (double v : values) total += v;
                                            return total / static_cast<double>(values.size());
                                          })};
  };
  op.vjp = [](const Vjp& v) {
    const Shape& shape = v.meta(0).shape;
    // Without elements there is nothing that a gradient could go to.
    const Tensor g = v.grad() / std::max(reduced_count(shape, v.attrs(), "mean"), 1.0);
    return expand(keep_axes(g, shape.size(), v.attrs(), "mean"), shape);
  };
  op.reduction = true;
  op.amp = Precision::run_f32;
  op.shard = Shard::reduction;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(onnx_reduction("ReduceMean", false, "mean", mean_dtype),
                        {{"ReduceMean", from_onnx_reduction(mean)}});
  op.samples = [](SampleMaker& m) {
    return reduction_samples(m, true, [&m](const Shape& s) { return m.tensor(s, -3, 3); });
  };
  op.bad = bad_reductions("mean");
}

}  // namespace athanor::ops
