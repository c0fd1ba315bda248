#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(argsort, "(x, axis: integer = -1, descending: flag = false) -> indices") {
  op.doc =
      "The i64 indices that bring the elements along an axis into ascending or descending order. "
      "Equal elements keep their order; NaN is larger than every number.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    (void)normalize_axis(a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()),
                         "argsort");
    return MetaList{{in[0].shape, DType::i64}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{sort(in[0], a.integer("axis"), a.flag("descending"))[1]};
  };
  op.no_gradient = "an index does not change continuously";
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.distinct({7})}),
        m.sample({m.distinct({5, 3})}, {{"axis", 0}, {"descending", true}}),
        m.sample({m.integers({2, 30}, 0, 5, m.dtype())}),
        m.sample({m.integers({2, 30}, 0, 5, m.dtype())}, {{"axis", 1}, {"descending", true}}),
        m.sample({m.distinct({0, 4})})};
  };
  op.bad = {{"argsort: axis 2 is outside [-2, 2)",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axis", 2}}); }}};
}

}  // namespace athanor::ops
