#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/linalg.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(slogdet, "(x) -> sign, logabsdet") {
  op.doc =
      "The sign of the determinant of matrices, [..., N, N] -> [...], and the logarithm of its "
      "magnitude, by LU decomposition; 0 and -infinity for a singular matrix, whose gradient is "
      "refused.";
  op.dtypes = kMatrixDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_square("slogdet", "x", in[0]);
    const TensorMeta y{Shape(in[0].shape.begin(), in[0].shape.end() - 2), in[0].dtype};
    return MetaList{y, y};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    std::vector<double> sign, log;
    for (const DoubleMatrix& x : matrices_of(in[0])) {
      double determinant = 0;
      (void)eliminate(x, DoubleMatrix(x.rows, 0), &determinant);
      sign.push_back(determinant == 0 ? 0 : determinant < 0 ? -1 : 1);
      log.push_back(std::log(std::fabs(determinant)));
    }
    const Shape shape(in[0].shape().begin(), in[0].shape().end() - 2);
    return TensorList{from_doubles(sign, shape, in[0].dtype()),
                      from_doubles(log, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor g = v.grad(1);
    return unsqueeze(g, {g.rank(), g.rank() + 1}) * transposed(inv(v.input(0)));
  };
  op.saves = Saves::inputs;
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.batching = Batching::leading;
  op.onnx = onnx_none("ONNX has Det, which overflows where this does not");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({regular_matrices(m, {2, 3, 3})}), m.sample({-regular_matrices(m, {2, 3, 3})}),
        m.sample({regular_matrices(m, {2, 2, 4, 4})}), m.sample({regular_matrices(m, {2, 1, 1})}),
        m.sample({regular_matrices(m, {0, 3, 3})})};
  };
  op.bad = {
      {"slogdet: x must be square", [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}); }}};
}

}  // namespace athanor::ops
