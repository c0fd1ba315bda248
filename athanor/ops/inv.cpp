#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(inv, "(x) -> y") {
  op.doc =
      "The inverse of matrices, [..., N, N], by LU decomposition. Prefer solve(a, b) to inv(a) b: "
      "it "
      "is faster and more accurate. Throws ValueError for a singular matrix.";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_square("inv", "x", in[0]);
    return MetaList{in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs&) {
    return TensorList{solve(in[0], identity(in[0].dim(-1), in[0].dtype()))};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.batching = Batching::leading;
  op.onnx = onnx_none("ONNX has no node for it");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({regular_matrices(m, {2, 3, 3})}), m.sample({regular_matrices(m, {2, 2, 4, 4})}),
        m.sample({regular_matrices(m, {2, 1, 1})}), m.sample({regular_matrices(m, {0, 3, 3})})};
  };
  op.bad = {{"inv: x must be square", [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}); }}};
}

}  // namespace athanor::ops
