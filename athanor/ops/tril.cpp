#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/triangle.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(tril, "(x, diagonal: integer = 0) -> y") {
  op.doc =
      "The lower triangle of each matrix in the last two axes: elements with column - row <= "
      "diagonal "
      "stay, the others become 0.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    return infer_triangle("tril", in[0]);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{triangle(in[0], a.integer("diagonal"), false)};
  };
  op.vjp = [](const Vjp& v) { return tril(v.grad(), v.attrs().integer("diagonal")); };
  op.layout = Layout::follows;
  op.batching = Batching::leading;
  op.onnx = onnx_custom(
      onnx_triangle(false),
      {{"Trilu", [](const OnnxReader& node) {
          const bool given = node.input_count() > 1 && node.input(1).defined();
          const std::int64_t diagonal = given ? onnx_number<std::int64_t>(node, 1) : 0;
          const Tensor x = node.input(0);
          return TensorList{node.integer("upper", 1) != 0 ? triu(x, diagonal) : tril(x, diagonal)};
        }}});
  op.samples = triangle_samples;
  op.bad = bad_triangles("tril");
}

}  // namespace athanor::ops
