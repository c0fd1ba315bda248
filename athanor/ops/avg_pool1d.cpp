#include "athanor/ops/core/volume.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(avg_pool1d,
       "(x, kernel: dims, stride: dims, padding: dims = [0], count_include_pad: flag = false) "
       "-> y") {
  op.doc =
      "The mean of every window, over its elements inside x or, with count_include_pad, over the "
      "whole kernel with zeros outside. x: [N, C, L].";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return MetaList{{pooled_shape("avg_pool1d", in[0], a, 1), in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    // The share of the padding is a product over the axes, so the mean of means is the mean.
    const bool whole = a.flag("count_include_pad");
    return TensorList{pool_by_pictures(
        in[0], a,
        [whole](const Tensor& x, const Dims& kernel, const Dims& stride, const Dims& padding) {
          return avg_pool2d(x, kernel, stride, padding, whole);
        })};
  };
  op.layout = Layout::kernel;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) { return pool_samples(m, 1, false, true); };
  op.bad = bad_pools("avg_pool1d", 1);
}

}  // namespace athanor::ops
