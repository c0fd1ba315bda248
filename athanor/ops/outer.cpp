#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(outer, "(a, b) -> y") {
  op.doc = "All products of the elements of two vectors: [N], [M] -> [N, M].";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require_rank("outer", "a", in[0], 1);
    require_rank("outer", "b", in[1], 1);
    return MetaList{{{in[0].shape[0], in[1].shape[0]}, promote(in[0].dtype, in[1].dtype)}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs&) {
    return TensorList{unsqueeze(in[0], {1}) * unsqueeze(in[1], {0})};
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({3}), m.tensor({4})}),
                               m.sample({m.tensor({1}), m.tensor({2})}),
                               m.sample({m.tensor({0}), m.tensor({2})})};
  };
  op.bad = {{"outer: input 'b' must have 1 dimensions",
             [](SampleMaker& m) { return m.sample({m.tensor({3}), m.tensor({2, 2})}); }}};
}

}  // namespace athanor::ops
