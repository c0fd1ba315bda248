#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(std, "(x, axes: dims = [], keep: flag = false, correction: real = 1) -> y") {
  op.doc =
      "Standard deviation over the axes (none given: all), which vanish or stay with size 1 if "
      "`keep`: the square root of var, with the same correction. Where it is 0, the gradient is 0.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("std", in[0], a, in[0].dtype);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype();
    const bool half = dtype == DType::f16 || dtype == DType::bf16;
    const Tensor x = half ? cast(in[0], DType::f32) : in[0];
    const Tensor y = sqrt(var(x, a.dims("axes"), a.flag("keep"), a.real("correction")));
    return TensorList{half ? cast(y, dtype) : y};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor& x = v.input(0);
    const std::size_t rank = x.shape().size();
    const double count = reduced_count(x.shape(), v.attrs(), "std");
    const Tensor y = keep_axes(v.output(), rank, v.attrs(), "std");
    const Tensor flat = eq(y, number_like(0, y));
    const Tensor g =
        where(flat, number_like(0, y), keep_axes(v.grad(), rank, v.attrs(), "std")) /
        (where(flat, number_like(1, y), y) * std::max(count - v.attrs().real("correction"), 0.0));
    return g * (x - mean(x, v.attrs().dims("axes"), true));
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.reduction = true;
  op.amp = Precision::run_f32;
  op.shard = Shard::reduction;
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) { return variance_samples(m); };
  op.bad = bad_reductions("std");
}

}  // namespace athanor::ops
