#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// Gradient for at least as many rows as columns (Walter and Lehmann 2012, arXiv:1009.6112, eq. 75).
Tensor tall_qr_vjp(const Tensor& q, const Tensor& r, const Tensor& grad_q, const Tensor& grad_r) {
  const Tensor m = matmul(r, transposed(grad_r)) - matmul(transposed(grad_q), q);
  const Tensor mirrored = lower_triangle(m) + transposed(lower_triangle(m, 0));
  const Tensor b = grad_q + matmul(q, mirrored);
  return transposed(triangular_solve(r, transposed(b), true));  // b R^-T
}

}  // namespace

ATH_OP(qr, "(x) -> q, r") {
  op.doc =
      "The reduced QR decomposition x = q r by Householder reflections: q with orthonormal "
      "columns, "
      "r upper triangular with a diagonal that is not negative, which makes both unique for a "
      "matrix of full rank. x: [..., M, N], q: [..., M, K], r: [..., K, N], K = min(M, N). The "
      "gradient needs full rank of the first K columns.";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_matrices("qr", "x", in[0]);
    Shape q = in[0].shape, r = in[0].shape;
    const std::size_t rank = q.size();
    q[rank - 1] = r[rank - 2] = std::min(q[rank - 2], q[rank - 1]);
    return MetaList{{q, in[0].dtype}, {r, in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    const std::int64_t rows = in[0].dim(-2), columns = in[0].dim(-1);
    const std::int64_t k = std::min(rows, columns);
    std::vector<DoubleMatrix> qs, rs;
    for (const DoubleMatrix& x : matrices_of(in[0])) {
      // Gram and Schmidt's, twice over for orthogonality.
      DoubleMatrix q(rows, k), r(k, columns);
      for (std::int64_t j = 0; j < columns; ++j) {
        std::vector<double> column;
        for (std::int64_t i = 0; i < rows; ++i) column.push_back(x(i, j));
        for (int round = 0; round < 2; ++round)
          for (std::int64_t p = 0; p < std::min(j, k); ++p) {
            double dot = 0;
            for (std::int64_t i = 0; i < rows; ++i)
              dot += q(i, p) * column[static_cast<std::size_t>(i)];
            for (std::int64_t i = 0; i < rows; ++i)
              column[static_cast<std::size_t>(i)] -= dot * q(i, p);
            r(p, j) += dot;
          }
        if (j >= k) continue;
        double norm = 0;
        for (double c : column) norm += c * c;
        r(j, j) = std::sqrt(norm);
        for (std::int64_t i = 0; i < rows; ++i)
          q(i, j) = column[static_cast<std::size_t>(i)] / r(j, j);
      }
      qs.push_back(q), rs.push_back(r);
    }
    Shape q = in[0].shape(), r = q;
    q[q.size() - 1] = r[r.size() - 2] = k;
    return TensorList{tensor_of(qs, q, in[0].dtype()), tensor_of(rs, r, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor &q = v.output(0), &r = v.output(1), grad_q = v.grad(0), grad_r = v.grad(1);
    const std::int64_t k = r.dim(-2), columns = r.dim(-1);
    if (columns == k) return tall_qr_vjp(q, r, grad_q, grad_r);
    // x = [a | b], r = [u | w] with w = q^T b.
    const Tensor u = slice(r, -1, 0, k), grad_u = slice(grad_r, -1, 0, k);
    const Tensor grad_w = slice(grad_r, -1, k, columns), b = slice(v.input(0), -1, k, columns);
    const Tensor all_q = grad_q + matmul(b, transposed(grad_w));
    const Tensor parts[] = {tall_qr_vjp(q, u, all_q, grad_u), matmul(q, grad_w)};
    return concat(parts, -1);
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.batching = Batching::leading;
  op.onnx = onnx_none("ONNX has no node for it");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({regular_matrices(m, {2, 3, 3})}),
                               m.sample({m.tensor({2, 5, 3})}),
                               m.sample({m.tensor({2, 2, 4})}),
                               m.sample({m.tensor({2, 2, 4, 2})}),
                               m.sample({m.tensor({2, 3, 1}, 0.5, 1)}),
                               m.sample({m.tensor({0, 3, 2})}),
                               m.sample({m.tensor({2, 3, 0})}),
                               m.sample({m.tensor({2, 0, 3})})};
  };
  op.bad = {{"qr: x must be a matrix", [](SampleMaker& m) { return m.sample({m.tensor({3})}); }}};
  op.tolerance = 20;  // small pivots of random matrices enlarge rounding
}

}  // namespace athanor::ops
