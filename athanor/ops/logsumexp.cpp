#include <cmath>
#include <limits>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {
DType same_dtype(DType d) { return d; }
}  // namespace

ATH_OP(logsumexp, "(x, axes: dims = [], keep: flag = false) -> y") {
  op.doc =
      "log(sum(exp(x))) over the axes (none given: all), which vanish or stay with size 1 if "
      "`keep`; computed from x - max(x). Over nothing, or over -inf alone, it is -inf.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("logsumexp", in[0], a, in[0].dtype);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const Tensor& x = in[0];
    const Dims axes = normalize_axes(a.dims("axes"), x.rank(), "logsumexp");
    const Shape kept = reduced_shape(x.shape(), axes, true);
    for (std::int64_t axis : axes)
      if (x.dim(axis) == 0)
        return TensorList{
            Tensor::full(reduced_shape(x.shape(), axes, a.flag("keep")), -infinity, x.dtype())};
    const Tensor largest = axes.empty() ? x : amax(x, axes, true);
    // An infinite maximum must not be subtracted from itself.
    const Tensor shift =
        where(eq(abs(largest), number_like(infinity, x)), number_like(0, x), largest);
    if (axes.empty()) return TensorList{log(exp(x - shift)) + shift};
    const Tensor y = log(sum(exp(x - shift), axes, true)) + shift;
    return TensorList{a.flag("keep") ? y : squeeze(y, axes)};
  };
  op.vjp = [](const Vjp& v) {
    const std::size_t rank = v.meta(0).shape.size();
    return exp(v.input(0) - keep_axes(v.output(), rank, v.attrs(), "logsumexp")) *
           keep_axes(v.grad(), rank, v.attrs(), "logsumexp");
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.reduction = true;
  op.amp = Precision::run_f32;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(onnx_reduction("ReduceLogSumExp", false, "logsumexp", same_dtype),
                        {{"ReduceLogSumExp", from_onnx_reduction(logsumexp)}});
  op.samples = [](SampleMaker& m) {
    return reduction_samples(m, true, [&m](const Shape& s) { return m.tensor(s, -3, 3); });
  };
  op.bad = bad_reductions("logsumexp");
}

}  // namespace athanor::ops
