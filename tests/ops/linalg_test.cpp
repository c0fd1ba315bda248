#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

// Expected values: NumPy 1.24, with the signs that the ops promise.
const Tensor& symmetric() {
  static const Tensor a = values({4, 1, 2, 1, 3, 0, 2, 0, 5}, {3, 3}, DType::f64);
  return a;
}
const Tensor& tall() {
  static const Tensor b = values({1, 2, 3, 4, 5, 6}, {3, 2}, DType::f64);
  return b;
}

Tensor product(const Tensor& a, const Tensor& b) { return ops::matmul(a, b); }

double largest(const Tensor& x) { return ops::amax(ops::abs(x)).item(); }

TEST(Linalg, AgreesWithNumPy) {
  expect_near(ops::cholesky(symmetric()), {2, 0, 0, 0.5, 1.65831240, 0, 1, -0.30151134, 1.97714211},
              1e-8);
  expect_near(ops::solve(symmetric(), tall()),
              {-0.69767442, -0.60465116, 1.23255814, 1.53488372, 1.27906977, 1.44186047}, 1e-8);
  expect_near(ops::inv(symmetric()),
              {0.34883721, -0.11627907, -0.13953488, -0.11627907, 0.37209302, 0.04651163,
               -0.13953488, 0.04651163, 0.25581395},
              1e-8);
  expect_near(ops::det(symmetric()), {43}, 1e-12);
  const auto negative = ops::slogdet(ops::neg(symmetric()));
  expect_near(negative[0], {-1}, 0);
  expect_near(negative[1], {3.761200115693563}, 1e-14);
}

TEST(Linalg, DecompositionsAgreeWithNumPyUpToTheirSigns) {
  const auto [q, r] = ops::qr(tall());
  expect_near(q, {0.16903085, 0.89708523, 0.50709255, 0.27602622, 0.84515425, -0.34503278}, 1e-8);
  expect_near(r, {5.91607978, 7.43735744, 0, 0.82807867}, 1e-8);
  const auto eigen = ops::eigh(symmetric());
  expect_near(eigen[0], {1.85489731, 3.47602360, 6.66907909}, 1e-8);
  expect_near(eigen[1],
              {0.67931306, 0.37436195, 0.63117897, -0.59323331, 0.78643570, 0.17202654, -0.43198148,
               -0.49129626, 0.75632002},
              1e-8);
  const auto [u, s, vt] = ops::svd(tall());
  expect_near(u, {0.22984770, 0.88346102, 0.52474482, 0.24078249, 0.81964194, -0.40189603}, 1e-8);
  expect_near(s, {9.52551809, 0.51430058}, 1e-8);
  expect_near(vt, {0.61962948, 0.78489445, -0.78489445, 0.61962948}, 1e-8);
}

TEST(Linalg, LargeMatricesComeBackFromTheirParts) {
  const Tensor x = ops::cast(scattered({2, 130, 90}), DType::f64);
  const auto [q, r] = ops::qr(x);
  EXPECT_LT(largest(product(q, r) - x), 1e-12);
  const auto [u, s, vt] = ops::svd(x);
  EXPECT_LT(largest(product(u * ops::unsqueeze(s, {1}), vt) - x), 1e-12);
  const Tensor gram = product(ops::permute(x, {0, 2, 1}), x);
  const auto eigen = ops::eigh(gram);
  EXPECT_LT(largest(product(gram, eigen[1]) - eigen[1] * ops::unsqueeze(eigen[0], {1})),
            1e-11 * largest(gram));
}

TEST(Linalg, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = scattered({5, 70, 70});
  const Tensor gram = product(x, ops::permute(x, {0, 2, 1}));
  expect_same_bits([&] { return ops::solve(gram, x); });
  expect_same_bits([&] { return ops::svd(x)[0]; });
  expect_same_bits([&] { return ops::eigh(gram)[1]; });
  expect_same_bits([&] { return ops::qr(x)[1]; });
}

TEST(Linalg, SaysWhichMatrixCannotBeUsedAndWhy) {
  const Tensor a = values({1, 2, 2, 1, 4, 1, 1, 3, 1, 2, 2, 4}, {3, 2, 2});
  EXPECT_NE(error_of<ValueError>([&] {
              (void)ops::solve(a, Tensor::ones({2, 1}));
            }).find("solve: matrix 2 is singular: pivot 1 of its elimination is 0"),
            std::string::npos);
  EXPECT_NE(error_of<ValueError>([&] {
              (void)ops::cholesky(a);
            }).find("cholesky: matrix 0 is not positive definite: its leading block of 2 rows"),
            std::string::npos);
  const Tensor nan = values({1, kQuiet, 2, 3}, {2, 2});
  EXPECT_NE(error_of<ValueError>([&] { (void)ops::svd(nan); }).find("it holds NaN or infinity"),
            std::string::npos);
  EXPECT_NE(error_of<ValueError>([&] { (void)ops::eigh(nan); }).find("it holds NaN or infinity"),
            std::string::npos);
}

}  // namespace
}  // namespace athanor
