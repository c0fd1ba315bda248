#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(all, "(x, axes: dims = [], keep: flag = false) -> y") {
  op.doc =
      "True where no element over the axes (none given: all) is 0; the axes vanish or stay with "
      "size 1 if `keep`. NaN counts as true; of nothing it is true.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("all", in[0], a, DType::boolean);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{logical_not(sum(logical_not(in[0]), a.dims("axes"), a.flag("keep")))};
  };
  op.no_gradient = "a truth value does not change continuously";
  op.reduction = true;
  op.shard = Shard::reduction;
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return reduction_samples(m, true, [&m](const Shape& s) {
      return m.integers(s, 0, m.dtype() == DType::boolean ? 2 : 3, m.dtype());
    });
  };
  op.bad = bad_reductions("all");
}

}  // namespace athanor::ops
