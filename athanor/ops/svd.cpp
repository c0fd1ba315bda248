#include <algorithm>
#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// Gradient of the part of x that lies in the spaces of U and V, in their coordinates.
Tensor inner_gradient(const Tensor& s, const Tensor& u, const Tensor& vt, const Vjp& v) {
  const std::int64_t rank = u.rank();
  const Tensor eye = identity(s.dim(-1), s.dtype());
  const Tensor row = unsqueeze(s, {rank - 2}), column = unsqueeze(s, {rank - 1});
  // 1 / (s_j^2 - s_i^2) off the diagonal, 0 on it.
  const Tensor f = (1.0 - eye) / (row * row - column * column + eye);
  Tensor inner = unsqueeze(v.grad(1), {rank - 1}) * eye;
  if (v.has_grad(0)) {
    const Tensor a = matmul(transposed(u), v.grad(0));
    inner = inner + f * (a - transposed(a)) * row;
  }
  if (v.has_grad(2)) {
    const Tensor b = matmul(vt, transposed(v.grad(2)));
    inner = inner + column * (f * (b - transposed(b)));
  }
  return inner;
}

}  // namespace

ATH_OP(svd, "(x) -> u, s, vt") {
  op.doc =
      "The reduced singular value decomposition x = u diag(s) vt. x: [..., M, N], u: [..., M, K], "
      "s: "
      "[..., K] in descending order, vt: [..., K, N], K = min(M, N). The first element of largest "
      "magnitude of each column of u is positive. The gradient needs distinct singular values that "
      "are not 0 (Townsend 2016, Differentiating the singular value decomposition).";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_matrices("svd", "x", in[0]);
    Shape u = in[0].shape, vt = u, s(u.begin(), u.end() - 1);
    const std::size_t rank = u.size();
    u[rank - 1] = vt[rank - 2] = s[rank - 2] = std::min(u[rank - 2], u[rank - 1]);
    const DType dtype = in[0].dtype;
    return MetaList{{u, dtype}, {s, dtype}, {vt, dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    const std::int64_t rows = in[0].dim(-2), columns = in[0].dim(-1);
    const std::int64_t k = std::min(rows, columns), large = rows + columns;
    std::vector<DoubleMatrix> us, vts;
    std::vector<double> values;
    for (const DoubleMatrix& x : matrices_of(in[0])) {
      // The eigenvalues of [0 x; x^T 0] are the singular values and their negatives, the vectors
      // (u; v) / sqrt(2): no square that would cost half of the digits.
      DoubleMatrix both(large, large), vectors(large, large);
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j) both(i, rows + j) = both(rows + j, i) = x(i, j);
      std::vector<double> all;
      jacobi_eigen(both, all, vectors);
      DoubleMatrix u(rows, k), vt(k, columns);
      for (std::int64_t j = 0; j < k; ++j) {
        const std::int64_t from = large - 1 - j;
        values.push_back(all[static_cast<std::size_t>(from)]);
        for (std::int64_t i = 0; i < rows; ++i) u(i, j) = std::sqrt(2.0) * vectors(i, from);
        const double sign = sign_of_vector(&u.values[static_cast<std::size_t>(j)], rows, k);
        for (std::int64_t i = 0; i < rows; ++i) u(i, j) *= sign;
        for (std::int64_t i = 0; i < columns; ++i)
          vt(j, i) = sign * std::sqrt(2.0) * vectors(rows + i, from);
      }
      us.push_back(u), vts.push_back(vt);
    }
    Shape u = in[0].shape(), vt = u, s(u.begin(), u.end() - 1);
    u[u.size() - 1] = vt[vt.size() - 2] = s[s.size() - 1] = k;
    const DType dtype = in[0].dtype();
    return TensorList{tensor_of(us, u, dtype), from_doubles(values, s, dtype),
                      tensor_of(vts, vt, dtype)};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor &u = v.output(0), &s = v.output(1), &vt = v.output(2);
    const std::int64_t rank = u.rank(), k = s.dim(-1);
    Tensor out = matmul(matmul(u, inner_gradient(s, u, vt, v)), vt);
    if (v.has_grad(0) && u.dim(-2) > k) {
      // (I - U U^T) grad_u S^-1 V^T
      const Tensor g = v.grad(0) / unsqueeze(s, {rank - 2});
      out = out + matmul(g - matmul(u, matmul(transposed(u), g)), vt);
    }
    if (v.has_grad(2) && vt.dim(-1) > k) {
      // U S^-1 grad_vt (I - V V^T)
      const Tensor g = v.grad(2) / unsqueeze(s, {rank - 1});
      out = out + matmul(u, g - matmul(matmul(g, transposed(vt)), vt));
    }
    return out;
  };
  op.saves = Saves::outputs;
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.batching = Batching::leading;
  op.onnx = onnx_none("ONNX has no node for it");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({definite_matrices(m, {2, 3, 3})}),
                               m.sample({m.tensor({2, 5, 2})}),
                               m.sample({m.tensor({2, 2, 4})}),
                               m.sample({m.tensor({2, 2, 3, 2})}),
                               m.sample({m.tensor({2, 3, 1}, 0.5, 1)}),
                               m.sample({m.tensor({0, 3, 2})}),
                               m.sample({m.tensor({2, 3, 0})}),
                               m.sample({m.tensor({2, 0, 3})})};
  };
  op.bad = {{"svd: x must be a matrix", [](SampleMaker& m) { return m.sample({m.tensor({3})}); }}};
  op.tolerance = 20;  // near singular values enlarge rounding
}

}  // namespace athanor::ops
