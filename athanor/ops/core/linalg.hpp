#pragma once

#include <string_view>
#include <vector>

#include "athanor/op/op.hpp"

// What the records of linear algebra share.
namespace athanor::ops {

inline constexpr DTypeSet kMatrixDTypes = dtype_bit(DType::f32) | dtype_bit(DType::f64);

/// Throws ShapeError unless the meta has two axes at least and the last two are known and small
/// enough for LAPACK's 32-bit sizes.
void require_matrices(std::string_view op, std::string_view input, const TensorMeta& meta);
/// Besides, throws ShapeError unless the last two are equal.
void require_square(std::string_view op, std::string_view input, const TensorMeta& meta);
/// Checks a system a x = b, b: [..., n, k], and returns the shape of x: leading axes broadcast.
Shape infer_system(std::string_view op, const TensorMeta& a, const TensorMeta& b);

/// The last two axes exchanged.
Tensor transposed(const Tensor& x);
/// (x + x^T) / 2.
Tensor symmetrised(const Tensor& x);
/// x with zeros above the diagonal; `diagonal` is the factor of the diagonal.
Tensor lower_triangle(const Tensor& x, double diagonal = 1);
/// x with zeros below the diagonal; `diagonal` is the factor of the diagonal.
Tensor upper_triangle(const Tensor& x, double diagonal = 1);
/// The identity matrix, [n, n].
Tensor identity(std::int64_t n, DType dtype);
/// x summed over the axes that broadcasting made, or x itself.
Tensor summed_to(const Tensor& x, const Shape& shape);

/// For references: one matrix of float64 in row-major order.
struct DoubleMatrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;

  DoubleMatrix(std::int64_t r, std::int64_t c)
      : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {}
  double& operator()(std::int64_t i, std::int64_t j) {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
  double operator()(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
};
/// All matrices of a tensor.
std::vector<DoubleMatrix> matrices_of(const Tensor& x);
/// The tensor of such matrices, `shape` with their rows and columns last.
Tensor tensor_of(const std::vector<DoubleMatrix>& matrices, const Shape& shape, DType dtype);
/// Which matrix of a tensor of shape `own` belongs to matrix `batch` of the shape that it
/// broadcasts to.
std::int64_t broadcast_matrix(const Shape& own, const Shape& broadcast, std::int64_t batch);
/// The solution of a x = b and det(a) by Gaussian elimination with row pivots.
DoubleMatrix eliminate(DoubleMatrix a, DoubleMatrix b, double* determinant = nullptr);
/// Eigenvalues in ascending order and eigenvectors (columns, signed by fix_signs) of a symmetric
/// matrix, by Jacobi's rotations (Golub and Van Loan, Matrix Computations, 8.5).
void jacobi_eigen(DoubleMatrix a, std::vector<double>& values, DoubleMatrix& vectors);

/// The sign that makes a vector's first element of largest magnitude positive: eigenvectors and
/// singular vectors are unique up to it.
template <class T>
T sign_of_vector(const T* x, std::int64_t count, std::int64_t stride) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < count; ++i) {
    const T a = x[i * stride], b = x[best * stride];
    if ((a < 0 ? -a : a) > (b < 0 ? -b : b)) best = i;
  }
  return count > 0 && x[best * stride] < 0 ? T(-1) : T(1);
}

/// Random matrices far from singular ones, for samples: the diagonal outweighs its row.
Tensor regular_matrices(SampleMaker& m, const Shape& shape);
/// Random symmetric positive definite matrices with distinct eigenvalues, for samples.
Tensor definite_matrices(SampleMaker& m, const Shape& shape);

}  // namespace athanor::ops
