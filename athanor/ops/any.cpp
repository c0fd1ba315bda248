#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(any, "(x, axes: dims = [], keep: flag = false) -> y") {
  op.doc =
      "True where an element over the axes (none given: all) is not 0; the axes vanish or stay "
      "with size 1 if `keep`. NaN counts as true; of nothing it is false.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("any", in[0], a, DType::boolean);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor count = sum(cast(in[0], DType::boolean), a.dims("axes"), a.flag("keep"));
    return TensorList{cast(count, DType::boolean)};
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
  op.bad = bad_reductions("any");
}

}  // namespace athanor::ops
