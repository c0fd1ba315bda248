#include <algorithm>
#include <cmath>
#include <vector>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/lapack.hpp"
#include "athanor/base/error.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/ops/core/linalg.hpp"

namespace athanor::backends::cpu {

namespace {

// The matrices in the last two axes of a tensor, numbered in row-major order of the other axes of
// the shape that it broadcasts to.
class Matrices {
 public:
  explicit Matrices(const Tensor& t) : Matrices(t, t.shape()) {}
  Matrices(const Tensor& t, const Shape& broadcast)
      : rows(static_cast<int>(t.dim(-2))), columns(static_cast<int>(t.dim(-1))) {
    const std::size_t rank = t.shape().size();
    row_ = t.strides()[rank - 2], column_ = t.strides()[rank - 1];
    lead_ = Shape(broadcast.begin(), broadcast.end() - 2);
    strides_ = Dims(lead_.size(), 0);
    const std::size_t missing = lead_.size() - (rank - 2);
    for (std::size_t i = 0; i + 2 < rank; ++i)
      if (t.shape()[i] != 1) strides_[missing + i] = t.strides()[i];
  }
  std::int64_t count() const { return element_count(lead_); }

  // Copies one matrix to a column-major buffer.
  template <class T>
  void load(const Tensor& t, std::int64_t batch, T* to) const {
    const T* from = static_cast<const T*>(t.raw()) + offset(batch);
    for (int j = 0; j < columns; ++j)
      for (int i = 0; i < rows; ++i)
        to[static_cast<std::int64_t>(j) * rows + i] = from[i * row_ + j * column_];
  }
  // Fills one matrix from column-major memory whose columns are `ld` apart.
  template <class T>
  void store(const Tensor& t, std::int64_t batch, const T* from, std::int64_t ld) const {
    T* to = static_cast<T*>(t.raw()) + offset(batch);
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) to[i * row_ + j * column_] = from[j * ld + i];
  }

  int rows, columns;

 private:
  std::int64_t offset(std::int64_t batch) const {
    std::int64_t at = 0;
    for (std::size_t i = lead_.size(); i-- > 0;) {
      at += batch % lead_[i] * strides_[i];
      batch /= lead_[i];
    }
    return at;
  }
  std::int64_t row_, column_;
  Shape lead_;
  Dims strides_;
};

template <class T>
std::vector<T> buffer(std::int64_t rows, std::int64_t columns) {
  return std::vector<T>(static_cast<std::size_t>(std::max<std::int64_t>(rows * columns, 1)));
}

int leading(int rows) { return std::max(rows, 1); }

// Runs body(batch) -> info for all matrices, several at once. Returns the first batch whose info is
// not 0 and its info in `info`, or -1.
template <class Body>
std::int64_t each_matrix(std::int64_t count, std::int64_t side, int& info, const Body& body) {
  std::vector<int> infos(static_cast<std::size_t>(count));
  const std::int64_t work = std::max<std::int64_t>(side * side * side, 1);
  parallel_for(count, std::max<std::int64_t>(1, (1 << 16) / work),
               [&](std::int64_t begin, std::int64_t end) {
                 // One thread in LAPACK, so that their number changes no bit of a matrix.
                 const LibraryThreads scope(1);
                 for (std::int64_t k = begin; k < end; ++k)
                   infos[static_cast<std::size_t>(k)] = body(k);
               });
  for (std::size_t k = 0; k < infos.size(); ++k)
    if (infos[k] != 0) {
      info = infos[k];
      return static_cast<std::int64_t>(k);
    }
  return -1;
}

// LAPACK does not end, or gives numbers, for a matrix with NaN or infinity, by routine and version.
constexpr int kNotFinite = -1000;
template <class T>
bool all_finite(const std::vector<T>& values) {
  return std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); });
}
// Why a decomposition failed.
std::string reason_of(int info) {
  return info == kNotFinite ? "it holds NaN or infinity"
                            : fmt::format("LAPACK's iteration ended with code {}", info);
}

template <class F>
void visit(DType dtype, const F& f) {
  if (dtype == DType::f32) return f(float{});
  ATH_ASSERT(dtype == DType::f64);
  f(double{});
}

// Calls routine(work, lwork, info) first to ask for the size of its workspace, then with it.
template <class T, class Routine>
int with_workspace(const Routine& routine) {
  T size{};
  int lwork = -1, info = 0;
  routine(&size, lwork, info);
  if (info != 0) return info;
  // A float cannot hold every size; one more ulp is enough.
  lwork = static_cast<int>(std::nextafter(size, std::numeric_limits<T>::infinity())) + 1;
  std::vector<T> work(static_cast<std::size_t>(lwork));
  routine(work.data(), lwork, info);
  return info;
}

void cholesky(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  const bool upper = call.attrs.flag("upper");
  const Matrices in(x), out(y);
  const int n = in.rows, ld = leading(n);
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const auto& routines = lapack<T>();
    int info = 0;
    const std::int64_t bad = each_matrix(in.count(), n, info, [&](std::int64_t k) {
      std::vector<T> a = buffer<T>(n, n);
      in.load(x, k, a.data());
      const auto at = [&](int i, int j) -> T& { return a[static_cast<std::size_t>(j * ld + i)]; };
      for (int j = 0; j < n; ++j)
        for (int i = j + 1; i < n; ++i) at(i, j) = at(j, i) = (at(i, j) + at(j, i)) / 2;
      int failed = 0;
      routines.potrf(upper ? "U" : "L", &n, a.data(), &ld, &failed, 1);
      for (int j = 0; j < n; ++j)
        for (int i = j + 1; i < n; ++i) (upper ? at(i, j) : at(j, i)) = 0;
      out.store(y, k, a.data(), ld);
      return failed;
    });
    require(bad < 0,
            "cholesky: matrix {} is not positive definite: its leading block of {} rows has no "
            "factor (x: {})",
            bad, info, describe(x));
  });
}

void triangular_solve(const KernelCall& call) {
  const Tensor &a = call.inputs[0], &b = call.inputs[1], &x = call.outputs[0];
  const char* uplo = call.attrs.flag("upper") ? "U" : "L";
  const char* trans = call.attrs.flag("transpose") ? "T" : "N";
  const char* diag = call.attrs.flag("unit") ? "U" : "N";
  const Matrices left(a, x.shape()), right(b, x.shape()), out(x);
  const int n = left.rows, columns = right.columns, ld = leading(n);
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const auto& routines = lapack<T>();
    int info = 0;
    const std::int64_t bad = each_matrix(out.count(), n, info, [&](std::int64_t k) {
      std::vector<T> triangle = buffer<T>(n, n), solution = buffer<T>(n, columns);
      left.load(a, k, triangle.data());
      right.load(b, k, solution.data());
      int failed = 0;
      if (n > 0 && columns > 0)
        routines.trtrs(uplo, trans, diag, &n, &columns, triangle.data(), &ld, solution.data(), &ld,
                       &failed, 1, 1, 1);
      out.store(x, k, solution.data(), ld);
      return failed;
    });
    require(bad < 0,
            "triangular_solve: matrix {} has a zero on its diagonal, in row {}: it is singular (a: "
            "{})",
            bad, info - 1, describe(a));
  });
}

void solve(const KernelCall& call) {
  const Tensor &a = call.inputs[0], &b = call.inputs[1], &x = call.outputs[0];
  const Matrices left(a, x.shape()), right(b, x.shape()), out(x);
  const int n = left.rows, columns = right.columns, ld = leading(n);
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const auto& routines = lapack<T>();
    int info = 0;
    const std::int64_t bad = each_matrix(out.count(), n, info, [&](std::int64_t k) {
      std::vector<T> lu = buffer<T>(n, n), solution = buffer<T>(n, columns);
      std::vector<int> pivots(static_cast<std::size_t>(ld));
      left.load(a, k, lu.data());
      right.load(b, k, solution.data());
      int failed = 0;
      if (n > 0) routines.getrf(&n, &n, lu.data(), &ld, pivots.data(), &failed);
      if (failed == 0 && n > 0 && columns > 0)
        routines.getrs("N", &n, &columns, lu.data(), &ld, pivots.data(), solution.data(), &ld,
                       &failed, 1);
      out.store(x, k, solution.data(), ld);
      return failed;
    });
    require(bad < 0,
            "solve: matrix {} is singular: pivot {} of its elimination is 0, so the system has no "
            "solution or many (a: {})",
            bad, info - 1, describe(a));
  });
}

// Sign and logarithm of the determinant, or the product itself, from the LU decomposition.
template <class T, class Take>
void determinants(const Tensor& x, const Take& take) {
  const Matrices in(x);
  const int n = in.rows, ld = leading(n);
  const auto& routines = lapack<T>();
  int info = 0;
  (void)each_matrix(in.count(), n, info, [&](std::int64_t k) {
    std::vector<T> lu = buffer<T>(n, n);
    std::vector<int> pivots(static_cast<std::size_t>(ld));
    in.load(x, k, lu.data());
    int singular = 0;  // then a pivot is 0, and so is the product
    if (n > 0) routines.getrf(&n, &n, lu.data(), &ld, pivots.data(), &singular);
    T sign = 1;
    for (int i = 0; i < n; ++i)
      if (pivots[static_cast<std::size_t>(i)] != i + 1) sign = -sign;
    take(
        k, sign,
        [&](int i) { return lu[static_cast<std::size_t>(i) * static_cast<std::size_t>(n + 1)]; },
        n);
    return 0;
  });
}

void det(const KernelCall& call) {
  visit(call.inputs[0].dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = call.outputs[0].data<T>();
    determinants<T>(call.inputs[0], [&](std::int64_t k, T sign, const auto& pivot, int n) {
      T product = sign;
      for (int i = 0; i < n; ++i) product *= pivot(i);
      y[k] = product;
    });
  });
}

void slogdet(const KernelCall& call) {
  visit(call.inputs[0].dtype(), [&](auto tag) {
    using T = decltype(tag);
    T *signs = call.outputs[0].data<T>(), *logs = call.outputs[1].data<T>();
    determinants<T>(call.inputs[0], [&](std::int64_t k, T sign, const auto& pivot, int n) {
      T log = 0;
      for (int i = 0; i < n; ++i) {
        if (pivot(i) < 0) sign = -sign;
        if (pivot(i) == 0) sign = 0;
        log += std::log(std::fabs(pivot(i)));
      }
      signs[k] = sign, logs[k] = log;
    });
  });
}

void qr(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &q = call.outputs[0], &r = call.outputs[1];
  const Matrices in(x), out_q(q), out_r(r);
  const int m = in.rows, n = in.columns, k = std::min(m, n), ld = leading(m);
  if (k == 0) return;
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const auto& routines = lapack<T>();
    int info = 0;
    const std::int64_t bad = each_matrix(in.count(), std::max(m, n), info, [&](std::int64_t batch) {
      std::vector<T> a = buffer<T>(m, n), tau = buffer<T>(k, 1), triangle = buffer<T>(k, n);
      in.load(x, batch, a.data());
      int failed = with_workspace<T>([&](T* work, int lwork, int& status) {
        routines.geqrf(&m, &n, a.data(), &ld, tau.data(), work, &lwork, &status);
      });
      if (failed != 0) return failed;
      const auto at = [&](int i, int j) -> T& {
        return a[static_cast<std::size_t>(j) * static_cast<std::size_t>(ld) +
                 static_cast<std::size_t>(i)];
      };
      std::vector<T> signs(static_cast<std::size_t>(k));
      for (int i = 0; i < k; ++i) signs[static_cast<std::size_t>(i)] = at(i, i) < 0 ? T(-1) : T(1);
      for (int j = 0; j < n; ++j)
        for (int i = 0; i < std::min(j + 1, k); ++i)
          triangle[static_cast<std::size_t>(j * k + i)] =
              signs[static_cast<std::size_t>(i)] * at(i, j);
      out_r.store(r, batch, triangle.data(), k);
      failed = with_workspace<T>([&](T* work, int lwork, int& status) {
        routines.orgqr(&m, &k, &k, a.data(), &ld, tau.data(), work, &lwork, &status);
      });
      for (int j = 0; j < k; ++j)
        for (int i = 0; i < m; ++i) at(i, j) *= signs[static_cast<std::size_t>(j)];
      out_q.store(q, batch, a.data(), ld);
      return failed;
    });
    require(bad < 0, "qr: LAPACK refused matrix {} with code {} (x: {})", bad, info, describe(x));
  });
}

void eigh(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &vectors = call.outputs[1];
  const Matrices in(x), out(vectors);
  const int n = in.rows, ld = leading(n);
  if (n == 0) return;
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const auto& routines = lapack<T>();
    T* values = call.outputs[0].data<T>();
    int info = 0;
    const std::int64_t bad = each_matrix(in.count(), 2 * n, info, [&](std::int64_t k) {
      std::vector<T> a = buffer<T>(n, n);
      in.load(x, k, a.data());
      if (!all_finite(a)) return kNotFinite;
      const auto at = [&](int i, int j) -> T& { return a[static_cast<std::size_t>(j * ld + i)]; };
      for (int j = 0; j < n; ++j)
        for (int i = j + 1; i < n; ++i) at(i, j) = at(j, i) = (at(i, j) + at(j, i)) / 2;
      const int liwork = 3 + 5 * n;
      std::vector<int> iwork(static_cast<std::size_t>(liwork));
      const int failed = with_workspace<T>([&](T* work, int lwork, int& status) {
        routines.syevd("V", "L", &n, a.data(), &ld, values + k * n, work, &lwork, iwork.data(),
                       &liwork, &status, 1, 1);
      });
      for (int j = 0; j < n; ++j) {
        T* column = a.data() + static_cast<std::size_t>(j) * static_cast<std::size_t>(ld);
        const T sign = ops::sign_of_vector(column, n, 1);
        for (int i = 0; i < n; ++i) column[i] *= sign;
      }
      out.store(vectors, k, a.data(), ld);
      return failed;
    });
    require(bad < 0, "eigh: matrix {} has no eigenvalues to give: {} (x: {})", bad, reason_of(info),
            describe(x));
  });
}

void svd(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &u = call.outputs[0], &vt = call.outputs[2];
  const Matrices in(x), out_u(u), out_vt(vt);
  const int m = in.rows, n = in.columns, k = std::min(m, n), ld = leading(m);
  if (k == 0) return;
  visit(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const auto& routines = lapack<T>();
    T* s = call.outputs[1].data<T>();
    int info = 0;
    const std::int64_t bad = each_matrix(in.count(), 2 * std::max(m, n), info, [&](std::int64_t b) {
      std::vector<T> a = buffer<T>(m, n), left = buffer<T>(m, k), right = buffer<T>(k, n);
      std::vector<int> iwork(static_cast<std::size_t>(8 * k));
      in.load(x, b, a.data());
      if (!all_finite(a)) return kNotFinite;
      const int failed = with_workspace<T>([&](T* work, int lwork, int& status) {
        routines.gesdd("S", &m, &n, a.data(), &ld, s + b * k, left.data(), &ld, right.data(), &k,
                       work, &lwork, iwork.data(), &status, 1);
      });
      for (int j = 0; j < k; ++j) {
        T* column = left.data() + static_cast<std::size_t>(j) * static_cast<std::size_t>(ld);
        const T sign = ops::sign_of_vector(column, m, 1);
        for (int i = 0; i < m; ++i) column[i] *= sign;
        for (int i = 0; i < n; ++i) right[static_cast<std::size_t>(i * k + j)] *= sign;
      }
      out_u.store(u, b, left.data(), ld);
      out_vt.store(vt, b, right.data(), k);
      return failed;
    });
    require(bad < 0, "svd: matrix {} has no singular values to give: {} (x: {})", bad,
            reason_of(info), describe(x));
  });
}

}  // namespace

void register_linalg(KernelTable& table) {
  table.set("cholesky", Device::cpu, cholesky, ops::kMatrixDTypes);
  table.set("triangular_solve", Device::cpu, triangular_solve, ops::kMatrixDTypes);
  table.set("solve", Device::cpu, solve, ops::kMatrixDTypes);
  table.set("det", Device::cpu, det, ops::kMatrixDTypes);
  table.set("slogdet", Device::cpu, slogdet, ops::kMatrixDTypes);
  table.set("qr", Device::cpu, qr, ops::kMatrixDTypes);
  table.set("eigh", Device::cpu, eigh, ops::kMatrixDTypes);
  table.set("svd", Device::cpu, svd, ops::kMatrixDTypes);
}

}  // namespace athanor::backends::cpu
