#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(embedding, "(weight, index, padding_index: integer = -1) -> y") {
  op.doc =
      "The rows of weight [N, D] that index names: [..., D] for an index [...]. The row "
      "padding_index (-1: none) has no gradient, so that it stays as it is in training. Negative "
      "indices count from the end. Throws IndexError for one outside.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_rank("embedding", "weight", in[0], 2);
    require_static_axis("embedding", in[0], 0, "the number of rows must be known");
    require_index("embedding", in[1]);
    const std::int64_t padding = a.integer("padding_index");
    require(padding >= -1 && padding < in[0].shape[0],
            "embedding: padding_index is {}; weight {} has rows 0 to {}, and -1 means none",
            padding, describe(in[0]), in[0].shape[0] - 1);
    Shape shape = in[1].shape;
    shape.push_back(in[0].shape[1]);
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs&) {
    return TensorList{index_select(in[0], in[1], 0)};
  };
  op.vjp = [](const Vjp& v) {
    const TensorMeta& weight = v.meta(0);
    const Tensor index = cast(v.input(1), DType::i64);
    const std::int64_t padding = v.attrs().integer("padding_index");
    Tensor g = v.grad();
    if (padding >= 0) {
      // Both names of the row: from the beginning and from the end.
      const auto named = [&](std::int64_t row) {
        return ne(index, number_like(static_cast<double>(row), index));
      };
      const Tensor counts = logical_and(named(padding), named(padding - weight.shape[0]));
      g = g * unsqueeze(cast(counts, g.dtype()), {-1});
    }
    const std::int64_t count = index.count();
    return TensorList{index_add(Tensor::zeros(weight.shape, weight.dtype), reshape(index, {count}),
                                reshape(g, {count, weight.shape[1]}), 0),
                      {}};
  };
  op.saves = Saves::input(1);
  op.batching = Batching::leading;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({5, 3}), m.integers({4}, -5, 5)}),
                               m.sample({m.tensor({4, 2}), m.integers({2, 3}, 0, 4, DType::i32)}),
                               m.sample({m.tensor({4, 2}), m.integers({}, 0, 4)}),
                               m.sample({m.tensor({4, 2}), m.integers({0}, 0, 1)})};
  };
  op.bad = {{"embedding: index 3 at [0] is outside [-3, 3)",
             [](SampleMaker& m) { return m.sample({m.tensor({3, 2}), m.integers({2}, 3, 4)}); }},
            {"embedding: padding_index is 3; weight",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3, 2}), m.integers({2}, 0, 3)}, {{"padding_index", 3}});
             }},
            {"embedding: input 'weight' must have 2 dimensions",
             [](SampleMaker& m) { return m.sample({m.tensor({3}), m.integers({2}, 0, 3)}); }}};
}

}  // namespace athanor::ops
