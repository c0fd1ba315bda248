#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(var, "(x, axes: dims = [], keep: flag = false, correction: real = 1) -> y") {
  op.doc =
      "Variance over the axes (none given: all), which vanish or stay with size 1 if `keep`: the "
      "squared distances from the mean, summed and divided by max(elements - correction, 0). "
      "correction 1 (the default, PyTorch's) estimates without bias, 0 is NumPy's default.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("var", in[0], a, in[0].dtype);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype();
    const bool half = dtype == DType::f16 || dtype == DType::bf16;
    const Tensor x = half ? cast(in[0], DType::f32) : in[0];
    const double count = reduced_count(x.shape(), a, "var");
    const Tensor d = x - mean(x, a.dims("axes"), true);
    const Tensor y =
        sum(d * d, a.dims("axes"), a.flag("keep")) / std::max(count - a.real("correction"), 0.0);
    return TensorList{half ? cast(y, dtype) : y};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor& x = v.input(0);
    const double count = reduced_count(x.shape(), v.attrs(), "var");
    const Tensor g = keep_axes(v.grad(), x.shape().size(), v.attrs(), "var") *
                     (2 / std::max(count - v.attrs().real("correction"), 0.0));
    return g * (x - mean(x, v.attrs().dims("axes"), true));
  };
  op.saves = Saves::inputs;
  op.reduction = true;
  op.amp = Precision::run_f32;
  op.shard = Shard::reduction;
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) { return variance_samples(m); };
  op.bad = bad_reductions("var");
}

}  // namespace athanor::ops
