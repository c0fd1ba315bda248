#include "athanor/ops/core/linalg.hpp"

#include <algorithm>
#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// LAPACK counts rows, columns and workspace in 32 bits.
constexpr std::int64_t kLargestSide = 32766;

Tensor masked(const Tensor& x, double below, double diagonal, double above) {
  const std::int64_t rows = x.dim(-2), columns = x.dim(-1);
  std::vector<double> mask;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      mask.push_back(i > j ? below : i == j ? diagonal : above);
  return x * cast(Tensor::from(mask, {rows, columns}), x.dtype());
}

Shape leading(const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); }

}  // namespace

void require_matrices(std::string_view op, std::string_view input, const TensorMeta& meta) {
  const std::size_t rank = meta.shape.size();
  require<ShapeError>(rank >= 2, "{}: {} must be a matrix or a batch of them, [..., M, N] ({}: {})",
                      op, input, input, describe(meta));
  const std::int64_t rows = meta.shape[rank - 2], columns = meta.shape[rank - 1];
  require<ShapeError>(rows != kDynamic,
                      "{}: the number of rows of {} is known only at run time ({}: {}); make the "
                      "batch an axis of its own",
                      op, input, input, describe(meta));
  require<UnsupportedError>(rows <= kLargestSide && columns <= kLargestSide,
                            "{}: {} has {} rows and {} columns; at most {} of each fit LAPACK's "
                            "numbers",
                            op, input, rows, columns, kLargestSide);
}

void require_square(std::string_view op, std::string_view input, const TensorMeta& meta) {
  require_matrices(op, input, meta);
  const std::size_t rank = meta.shape.size();
  require<ShapeError>(meta.shape[rank - 2] == meta.shape[rank - 1],
                      "{}: {} must be square, its matrices are {} x {} ({}: {})", op, input,
                      meta.shape[rank - 2], meta.shape[rank - 1], input, describe(meta));
}

Shape infer_system(std::string_view op, const TensorMeta& a, const TensorMeta& b) {
  require_same_dtype(op, "a", a, "b", b);
  require_square(op, "a", a);
  require_matrices(op, "b", b);
  const std::int64_t n = a.shape.back(), rows = b.shape[b.shape.size() - 2];
  require<ShapeError>(rows == n, "{}: a has {} rows, b has {} (a: {}, b: {})", op, n, rows,
                      describe(a), describe(b));
  Shape shape = broadcast_shapes(leading(a.shape), leading(b.shape), op);
  shape.push_back(n);
  shape.push_back(b.shape.back());
  return shape;
}

Tensor transposed(const Tensor& x) {
  Dims axes;
  for (std::int64_t i = 0; i < x.rank(); ++i) axes.push_back(i);
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  return permute(x, axes);
}

Tensor symmetrised(const Tensor& x) { return (x + transposed(x)) * 0.5; }

Tensor lower_triangle(const Tensor& x, double diagonal) { return masked(x, 1, diagonal, 0); }

Tensor upper_triangle(const Tensor& x, double diagonal) { return masked(x, 0, diagonal, 1); }

Tensor identity(std::int64_t n, DType dtype) {
  return masked(Tensor::ones({n, n}, dtype), 0, 1, 0);
}

Tensor summed_to(const Tensor& x, const Shape& shape) {
  return x.shape() == shape ? x : sum_to(x, shape);
}

std::vector<DoubleMatrix> matrices_of(const Tensor& x) {
  const auto values = x.to_vector<double>();
  const std::int64_t rows = x.dim(-2), columns = x.dim(-1);
  std::vector<DoubleMatrix> out(static_cast<std::size_t>(element_count(leading(x.shape()))),
                                DoubleMatrix(rows, columns));
  for (std::size_t k = 0, at = 0; k < out.size(); ++k)
    for (double& value : out[k].values) value = values[at++];
  return out;
}

Tensor tensor_of(const std::vector<DoubleMatrix>& matrices, const Shape& shape, DType dtype) {
  std::vector<double> values;
  for (const DoubleMatrix& m : matrices)
    values.insert(values.end(), m.values.begin(), m.values.end());
  return from_doubles(values, shape, dtype);
}

std::int64_t broadcast_matrix(const Shape& own, const Shape& broadcast, std::int64_t batch) {
  std::int64_t index = 0, step = 1;
  for (std::size_t i = broadcast.size() - 2, j = own.size() - 2; j > 0; --i, --j) {
    if (own[j - 1] != 1) index += batch % broadcast[i - 1] * step;
    batch /= broadcast[i - 1];
    step *= own[j - 1];
  }
  return index;
}

DoubleMatrix eliminate(DoubleMatrix a, DoubleMatrix b, double* determinant) {
  const std::int64_t n = a.rows;
  double product = 1;
  for (std::int64_t c = 0; c < n; ++c) {
    std::int64_t pivot = c;
    for (std::int64_t r = c + 1; r < n; ++r)
      if (std::fabs(a(r, c)) > std::fabs(a(pivot, c))) pivot = r;
    if (pivot != c) {
      for (std::int64_t j = 0; j < n; ++j) std::swap(a(c, j), a(pivot, j));
      for (std::int64_t j = 0; j < b.columns; ++j) std::swap(b(c, j), b(pivot, j));
      product = -product;
    }
    product *= a(c, c);
    if (a(c, c) == 0) continue;
    for (std::int64_t r = 0; r < n; ++r) {
      if (r == c) continue;
      const double factor = a(r, c) / a(c, c);
      for (std::int64_t j = c; j < n; ++j) a(r, j) -= factor * a(c, j);
      for (std::int64_t j = 0; j < b.columns; ++j) b(r, j) -= factor * b(c, j);
    }
  }
  if (determinant) *determinant = product;
  for (std::int64_t r = 0; r < n; ++r)
    for (std::int64_t j = 0; j < b.columns; ++j) b(r, j) /= a(r, r);
  return b;
}

void jacobi_eigen(DoubleMatrix a, std::vector<double>& values, DoubleMatrix& vectors) {
  const std::int64_t n = a.rows;
  DoubleMatrix v(n, n);
  for (std::int64_t i = 0; i < n; ++i) v(i, i) = 1;
  for (int sweep = 0; sweep < 60; ++sweep)
    for (std::int64_t p = 0; p < n; ++p)
      for (std::int64_t q = p + 1; q < n; ++q) {
        if (a(p, q) == 0) continue;
        const double tau = (a(q, q) - a(p, p)) / (2 * a(p, q));
        const double t = (tau < 0 ? -1 : 1) / (std::fabs(tau) + std::sqrt(1 + tau * tau));
        const double c = 1 / std::sqrt(1 + t * t), s = t * c;
        for (std::int64_t k = 0; k < n; ++k) {
          const double x = a(k, p), y = a(k, q);
          a(k, p) = c * x - s * y, a(k, q) = s * x + c * y;
        }
        for (std::int64_t k = 0; k < n; ++k) {
          const double x = a(p, k), y = a(q, k);
          a(p, k) = c * x - s * y, a(q, k) = s * x + c * y;
        }
        for (std::int64_t k = 0; k < n; ++k) {
          const double x = v(k, p), y = v(k, q);
          v(k, p) = c * x - s * y, v(k, q) = s * x + c * y;
        }
      }
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
  std::sort(order.begin(), order.end(), [&](auto i, auto j) { return a(i, i) < a(j, j); });
  vectors = DoubleMatrix(n, n);
  values.clear();
  for (std::int64_t j = 0; j < n; ++j) {
    const std::int64_t from = order[static_cast<std::size_t>(j)];
    values.push_back(a(from, from));
    const double sign = n > 0 ? sign_of_vector(&v.values[static_cast<std::size_t>(from)], n, n) : 1;
    for (std::int64_t i = 0; i < n; ++i) vectors(i, j) = sign * v(i, from);
  }
}

Tensor regular_matrices(SampleMaker& m, const Shape& shape) {
  const Tensor x = m.tensor(shape);
  return x + identity(shape.back(), x.dtype()) * (1.0 + static_cast<double>(shape.back()) / 2);
}

Tensor definite_matrices(SampleMaker& m, const Shape& shape) {
  const Tensor x = m.tensor(shape);
  std::vector<double> steps;
  const auto n = static_cast<double>(shape.back());
  for (double i = 0; i < n; ++i) steps.push_back(1 + i + n / 4);
  const Tensor spread = cast(Tensor::from(steps, {shape.back()}), x.dtype());
  return symmetrised(x) * 0.5 + identity(shape.back(), x.dtype()) * spread;
}

}  // namespace athanor::ops
