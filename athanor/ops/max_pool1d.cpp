#include "athanor/ops/core/volume.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(max_pool1d, "(x, kernel: dims, stride: dims, padding: dims = [0]) -> y") {
  op.doc =
      "The largest element of every window; padding never wins, NaN always does. x: [N, C, L].";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return MetaList{{pooled_shape("max_pool1d", in[0], a, 1), in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{pool_by_pictures(
        in[0], a, [](const Tensor& x, const Dims& kernel, const Dims& stride, const Dims& padding) {
          return max_pool2d(x, kernel, stride, padding);
        })};
  };
  op.layout = Layout::kernel;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) { return pool_samples(m, 1, true, false); };
  op.bad = bad_pools("max_pool1d", 1);
}

}  // namespace athanor::ops
