#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {
DType sum_dtype(DType d) { return is_floating(d) ? d : DType::i64; }
}  // namespace

ATH_OP(sum, "(x, axes: dims = [], keep: flag = false) -> y") {
  op.doc =
      "Sum over the axes (none given: all), which vanish or stay with size 1 if `keep`. Integers "
      "and bool give i64; the sum of nothing is 0. The order of additions depends on the shape "
      "alone; f16 and bf16 are summed in f32 and rounded once.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("sum", in[0], a, sum_dtype(in[0].dtype));
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{reference_reduction(in[0], a, sum_dtype(in[0].dtype()), "sum",
                                          [](const std::vector<double>& values) {
                                            double total = 0;
                                            for (double v : values) total += v;
                                            return total;
                                          })};
  };
  op.vjp = [](const Vjp& v) {
    const Shape& shape = v.meta(0).shape;
    return expand(keep_axes(v.grad(), shape.size(), v.attrs(), "sum"), shape);
  };
  op.reduction = true;
  op.amp = Precision::run_f32;
  op.shard = Shard::reduction;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(onnx_reduction("ReduceSum", true, "sum", sum_dtype),
                        {{"ReduceSum", from_onnx_reduction(sum)}});
  op.samples = [](SampleMaker& m) {
    return reduction_samples(m, true, [&m](const Shape& s) { return m.tensor(s, -3, 3); });
  };
  op.bad = bad_reductions("sum");
}

}  // namespace athanor::ops
