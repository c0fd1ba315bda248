#include <algorithm>
#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {
DType same_dtype(DType d) { return d; }
}  // namespace

ATH_OP(amin, "(x, axes: dims = [], keep: flag = false) -> y") {
  op.doc =
      "Smallest value over the axes (none given: all), which vanish or stay with size 1 if `keep`. "
      "NaN "
      "wins over every number. Elements that tie share the gradient evenly.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("amin", in[0], a, in[0].dtype, true);
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{
        reference_reduction(in[0], a, in[0].dtype(), "amin", [](const std::vector<double>& values) {
          double best = values[0];
          for (double v : values)
            if (!std::isnan(best) && (std::isnan(v) || v < best)) best = v;
          return best;
        })};
  };
  op.vjp = [](const Vjp& v) {
    const std::size_t rank = v.meta(0).shape.size();
    const Tensor hit =
        cast(eq(v.input(0), keep_axes(v.output(), rank, v.attrs(), "amin")), v.meta(0).dtype);
    const Tensor share =
        keep_axes(v.grad(), rank, v.attrs(), "amin") / sum(hit, v.attrs().dims("axes"), true);
    return hit * share;
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.reduction = true;
  op.shard = Shard::reduction;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(onnx_reduction("ReduceMin", false, "amin", same_dtype),
                        {{"ReduceMin", from_onnx_reduction(amin)}});
  op.samples = [](SampleMaker& m) {
    return reduction_samples(m, false, [&m](const Shape& s) { return m.distinct(s); });
  };
  op.bad = bad_reductions("amin");
  op.bad.push_back({"amin: axis 0 of", [](SampleMaker& m) {
                      return m.sample({m.tensor({0, 3})}, {{"axes", Dims{0}}});
                    }});
}

}  // namespace athanor::ops
