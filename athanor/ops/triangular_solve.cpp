#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// The triangle of a that the op reads, transposed if it is to be, with ones on the diagonal if
// unit.
DoubleMatrix triangle_of(const DoubleMatrix& a, const Attrs& attrs) {
  const bool upper = attrs.flag("upper"), flip = attrs.flag("transpose");
  DoubleMatrix t(a.rows, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < a.rows; ++j) {
      if (i != j && (i > j) == upper) continue;
      (flip ? t(j, i) : t(i, j)) = i == j && attrs.flag("unit") ? 1 : a(i, j);
    }
  return t;
}

}  // namespace

ATH_OP(triangular_solve,
       "(a, b, upper: flag = false, transpose: flag = false, unit: flag = false) -> x") {
  op.doc =
      "The solution of a x = b (a^T x = b with `transpose`) for triangular a. a: [..., N, N], of "
      "which only the lower triangle is read, or only the upper one with `upper`, its diagonal "
      "taken as ones with `unit`; b: [..., N, K]; leading axes broadcast; x: [..., N, K]. Throws "
      "ValueError when the diagonal has a zero.";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    return MetaList{{infer_system("triangular_solve", in[0], in[1]), in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& attrs) {
    const Shape shape = infer_system("triangular_solve", meta_of(in[0]), meta_of(in[1]));
    const auto a = matrices_of(in[0]), b = matrices_of(in[1]);
    auto x = matrices_of(Tensor::zeros(shape, DType::f64));
    for (std::size_t k = 0; k < x.size(); ++k) {
      const auto at = [&](const Tensor& t) {
        return static_cast<std::size_t>(
            broadcast_matrix(t.shape(), shape, static_cast<std::int64_t>(k)));
      };
      x[k] = eliminate(triangle_of(a[at(in[0])], attrs), b[at(in[1])]);
    }
    return TensorList{tensor_of(x, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const bool upper = v.attrs().flag("upper"), flip = v.attrs().flag("transpose");
    const bool unit = v.attrs().flag("unit");
    const Tensor grad_b = triangular_solve(v.input(0), v.grad(), upper, !flip, unit);
    TensorList out(2);
    if (v.needs(0)) {
      const Tensor outer =
          flip ? matmul(v.output(), transposed(grad_b)) : matmul(grad_b, transposed(v.output()));
      const double diagonal = unit ? 0 : 1;
      out[0] =
          summed_to(-(upper ? upper_triangle(outer, diagonal) : lower_triangle(outer, diagonal)),
                    v.meta(0).shape);
    }
    if (v.needs(1)) out[1] = summed_to(grad_b, v.meta(1).shape);
    return out;
  };
  op.saves = Saves::input(0) | Saves::outputs;
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_none("ONNX has no node for it");
  op.samples = [](SampleMaker& m) {
    const auto pair = [&](const Shape& a, const Shape& b) {
      return TensorList{regular_matrices(m, a), m.tensor(b, -2, 2)};
    };
    return std::vector<Sample>{
        m.sample(pair({2, 3, 3}, {2, 3, 2})),
        m.sample(pair({2, 3, 3}, {2, 3, 2}), {{"upper", true}}),
        m.sample(pair({2, 3, 3}, {2, 3, 2}), {{"transpose", true}}),
        m.sample(pair({2, 3, 3}, {2, 3, 1}), {{"upper", true}, {"transpose", true}}),
        m.sample(pair({2, 4, 4}, {2, 4, 2}), {{"unit", true}}),
        m.sample(pair({2, 3, 3}, {3, 2})),
        m.sample(pair({2, 1, 3, 3}, {4, 3, 2}), {{"upper", true}, {"unit", true}}),
        m.sample(pair({0, 3, 3}, {0, 3, 2})),
        m.sample(pair({2, 3, 3}, {2, 3, 0})),
        m.sample(pair({2, 0, 0}, {2, 0, 2})),
    };
  };
  op.bad = {{"triangular_solve: a has 3 rows, b has 2",
             [](SampleMaker& m) { return m.sample({m.tensor({3, 3}), m.tensor({2, 1})}); }},
            {"triangular_solve: matrix 0 has a zero on its diagonal, in row 1", [](SampleMaker& m) {
               const Tensor a = Tensor::from(std::vector<double>{1, 0, 2, 0}, {1, 2, 2});
               return m.sample({cast(a, m.dtype()), m.tensor({2, 1})});
             }}};
}

}  // namespace athanor::ops
