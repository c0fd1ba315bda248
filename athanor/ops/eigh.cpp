#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(eigh, "(x) -> values, vectors") {
  op.doc =
      "Eigenvalues in ascending order, [..., N], and orthonormal eigenvectors as columns, [..., N, "
      "N], of symmetric matrices. x: [..., N, N]; they are those of (x + x^T) / 2. The first "
      "element "
      "of largest magnitude of each vector is positive. The gradient of the vectors needs distinct "
      "eigenvalues (Giles 2008, An extended collection of matrix derivative results, 3.1).";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_square("eigh", "x", in[0]);
    return MetaList{{Shape(in[0].shape.begin(), in[0].shape.end() - 1), in[0].dtype}, in[0]};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    std::vector<double> values;
    auto vectors = matrices_of(in[0]);
    for (DoubleMatrix& x : vectors) {
      DoubleMatrix symmetric = x;
      for (std::int64_t i = 0; i < x.rows; ++i)
        for (std::int64_t j = 0; j < x.rows; ++j) symmetric(i, j) = (x(i, j) + x(j, i)) / 2;
      std::vector<double> own;
      jacobi_eigen(symmetric, own, x);
      values.insert(values.end(), own.begin(), own.end());
    }
    const Shape shape(in[0].shape().begin(), in[0].shape().end() - 1);
    return TensorList{from_doubles(values, shape, in[0].dtype()),
                      tensor_of(vectors, in[0].shape(), in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor &w = v.output(0), &vectors = v.output(1);
    const std::int64_t n = vectors.dim(-1), rank = vectors.rank();
    const Tensor eye = identity(n, w.dtype());
    Tensor inner = unsqueeze(v.grad(0), {rank - 1}) * eye;
    if (v.has_grad(1)) {
      // 1 / (w_j - w_i) off the diagonal, 0 on it.
      const Tensor gap = unsqueeze(w, {rank - 2}) - unsqueeze(w, {rank - 1}) + eye;
      inner = inner + (1.0 - eye) / gap * matmul(transposed(vectors), v.grad(1));
    }
    return symmetrised(matmul(matmul(vectors, inner), transposed(vectors)));
  };
  op.saves = Saves::outputs;
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.batching = Batching::leading;
  op.onnx = onnx_none("ONNX has no node for it");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({definite_matrices(m, {2, 3, 3})}),
                               m.sample({-definite_matrices(m, {2, 4, 4})}),
                               m.sample({definite_matrices(m, {2, 2, 2, 2})}),
                               m.sample({definite_matrices(m, {2, 1, 1})}),
                               m.sample({definite_matrices(m, {0, 3, 3})}),
                               m.sample({definite_matrices(m, {2, 0, 0})})};
  };
  op.bad = {
      {"eigh: x must be square", [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}); }}};
}

}  // namespace athanor::ops
