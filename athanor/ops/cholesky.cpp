#include <cmath>

#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(cholesky, "(x, upper: flag = false) -> y") {
  op.doc =
      "The Cholesky factor of symmetric positive definite matrices: lower triangular L with x = L "
      "L^T, or with `upper` U = L^T with x = U^T U. x: [..., N, N]; the factor is that of (x + "
      "x^T) / 2, so both triangles of x count alike. Throws ValueError for a matrix that is not "
      "positive definite. Gradient: Murray 2016, arXiv:1602.07527, eq. 9.";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_square("cholesky", "x", in[0]);
    return MetaList{in[0]};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    auto matrices = matrices_of(in[0]);
    for (DoubleMatrix& x : matrices) {
      const std::int64_t n = x.rows;
      DoubleMatrix l(n, n);
      for (std::int64_t j = 0; j < n; ++j)
        for (std::int64_t i = j; i < n; ++i) {
          double s = (x(i, j) + x(j, i)) / 2;
          for (std::int64_t k = 0; k < j; ++k) s -= l(i, k) * l(j, k);
          l(i, j) = i == j ? std::sqrt(s) : s / l(j, j);
        }
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < n; ++j) x(i, j) = a.flag("upper") ? l(j, i) : l(i, j);
    }
    return TensorList{tensor_of(matrices, in[0].shape(), in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const bool upper = v.attrs().flag("upper");
    const Tensor l = upper ? transposed(v.output()) : v.output();
    const Tensor g = upper ? transposed(v.grad()) : v.grad();
    const Tensor p = lower_triangle(matmul(transposed(l), g), 0.5);
    // L^-T P L^-1
    const Tensor left = triangular_solve(l, p, false, true);
    return symmetrised(transposed(triangular_solve(l, transposed(left), false, true)));
  };
  op.saves = Saves::outputs;
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.batching = Batching::leading;
  op.onnx = onnx_none("ONNX has no node for it");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({definite_matrices(m, {2, 3, 3})}),
                               m.sample({definite_matrices(m, {2, 4, 4})}, {{"upper", true}}),
                               m.sample({definite_matrices(m, {2, 1, 1})}),
                               m.sample({definite_matrices(m, {2, 2, 2, 2})}),
                               m.sample({definite_matrices(m, {0, 3, 3})}),
                               m.sample({definite_matrices(m, {2, 0, 0})})};
  };
  op.bad = {{"cholesky: x must be square, its matrices are 2 x 3",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}); }},
            {"cholesky: x must be a matrix or a batch of them",
             [](SampleMaker& m) { return m.sample({m.tensor({3})}); }},
            {"cholesky: matrix 0 is not positive definite",
             [](SampleMaker& m) { return m.sample({Tensor::zeros({1, 2, 2}, m.dtype())}); }}};
}

}  // namespace athanor::ops
