#include "athanor/ops/core/triangle.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(triu, "(x, diagonal: integer = 0) -> y") {
  op.doc =
      "The upper triangle of each matrix in the last two axes: elements with column - row >= "
      "diagonal "
      "stay, the others become 0.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    return infer_triangle("triu", in[0]);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{triangle(in[0], a.integer("diagonal"), true)};
  };
  op.vjp = [](const Vjp& v) { return triu(v.grad(), v.attrs().integer("diagonal")); };
  op.layout = Layout::follows;
  op.batching = Batching::leading;
  op.onnx = onnx_custom(onnx_triangle(true));
  op.samples = triangle_samples;
  op.bad = bad_triangles("triu");
}

}  // namespace athanor::ops
