#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(det, "(x) -> y") {
  op.doc =
      "The determinant of matrices, [..., N, N] -> [...], by LU decomposition; that of the empty "
      "matrix is 1. The gradient needs a regular matrix. Large matrices overflow: see slogdet.";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_square("det", "x", in[0]);
    return MetaList{{Shape(in[0].shape.begin(), in[0].shape.end() - 2), in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    std::vector<double> values;
    for (const DoubleMatrix& x : matrices_of(in[0])) {
      double determinant = 0;
      (void)eliminate(x, DoubleMatrix(x.rows, 0), &determinant);
      values.push_back(determinant);
    }
    const Shape& shape = in[0].shape();
    return TensorList{from_doubles(values, Shape(shape.begin(), shape.end() - 2), in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor g = v.grad() * v.output();
    return unsqueeze(g, {g.rank(), g.rank() + 1}) * transposed(inv(v.input(0)));
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.batching = Batching::leading;
  op.onnx = onnx_node("Det");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({regular_matrices(m, {2, 3, 3})}), m.sample({regular_matrices(m, {2, 2, 4, 4})}),
        m.sample({regular_matrices(m, {2, 1, 1})}), m.sample({regular_matrices(m, {0, 3, 3})})};
  };
  op.bad = {{"det: x must be square", [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}); }}};
}

}  // namespace athanor::ops
