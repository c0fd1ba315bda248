#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(solve, "(a, b) -> x") {
  op.doc =
      "The solution of a x = b by LU decomposition with row pivots. a: [..., N, N], b: [..., N, "
      "K], "
      "leading axes broadcast, x: [..., N, K]. Throws ValueError for a singular matrix, with its "
      "place in the batch.";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    return MetaList{{infer_system("solve", in[0], in[1]), in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    const Shape shape = infer_system("solve", meta_of(in[0]), meta_of(in[1]));
    const auto a = matrices_of(in[0]), b = matrices_of(in[1]);
    auto x = matrices_of(Tensor::zeros(shape, DType::f64));
    for (std::size_t k = 0; k < x.size(); ++k) {
      const auto at = [&](const Tensor& t) {
        return static_cast<std::size_t>(
            broadcast_matrix(t.shape(), shape, static_cast<std::int64_t>(k)));
      };
      x[k] = eliminate(a[at(in[0])], b[at(in[1])]);
    }
    return TensorList{tensor_of(x, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor grad_b = solve(transposed(v.input(0)), v.grad());
    TensorList out(2);
    if (v.needs(0)) out[0] = summed_to(-matmul(grad_b, transposed(v.output())), v.meta(0).shape);
    if (v.needs(1)) out[1] = summed_to(grad_b, v.meta(1).shape);
    return out;
  };
  op.saves = Saves::input(0) | Saves::outputs;
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_none("ONNX has no node for it");
  op.samples = [](SampleMaker& m) {
    const auto pair = [&](const Shape& a, const Shape& b) {
      return m.sample({regular_matrices(m, a), m.tensor(b, -2, 2)});
    };
    return std::vector<Sample>{pair({2, 3, 3}, {2, 3, 2}),    pair({2, 4, 4}, {4, 1}),
                               pair({3, 1, 2, 2}, {2, 2, 3}), pair({2, 1, 1}, {2, 1, 2}),
                               pair({0, 3, 3}, {0, 3, 2}),    pair({2, 3, 3}, {2, 3, 0}),
                               pair({2, 0, 0}, {2, 0, 2})};
  };
  op.bad = {{"solve: a must be square",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3}), m.tensor({2, 1})}); }},
            {"solve: a has 3 rows, b has 2",
             [](SampleMaker& m) { return m.sample({m.tensor({3, 3}), m.tensor({2, 1})}); }},
            {"solve: matrix 1 is singular", [](SampleMaker& m) {
               const Tensor a =
                   Tensor::from(std::vector<double>{1, 2, 3, 4, 1, 2, 2, 4}, {2, 2, 2});
               return m.sample({cast(a, m.dtype()), m.tensor({2, 1})});
             }}};
}

}  // namespace athanor::ops
