#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(index_add, "(x, index, source, axis: integer = 0) -> y") {
  op.doc =
      "x with the slices of source added along an axis where index (one axis) says: the gradient "
      "of index_select. Slices that meet in one place are added in the order of source. Negative "
      "indices count from the end. Throws IndexError for one outside.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_index("index_add", in[1]);
    require_rank("index_add", "index", in[1], 1);
    require_same_dtype("index_add", "x", in[0], "source", in[2]);
    const std::int64_t axis = normalize_axis(
        a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()), "index_add");
    Shape expected = in[0].shape;
    expected[static_cast<std::size_t>(axis)] = in[1].shape[0];
    require<ShapeError>(in[2].shape == expected,
                        "index_add: source {} must have the shape {} for x {} and index {}",
                        describe(in[2]), to_string(expected), describe(in[0]), describe(in[1]));
    return MetaList{in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t axis = normalize_axis(a.integer("axis"), in[0].rank(), "index_add");
    Dims column(in[2].shape().size(), 1);
    column[static_cast<std::size_t>(axis)] = in[1].count();
    const Tensor index = expand(reshape(in[1], column), in[2].shape());
    return TensorList{scatter_add(in[0], index, in[2], axis)};
  };
  op.vjp = [](const Vjp& v) {
    return TensorList{v.grad(), {}, index_select(v.grad(), v.input(1), v.attrs().integer("axis"))};
  };
  op.saves = Saves::input(1);
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({4}), m.integers({6}, -4, 4), m.tensor({6})}),
        m.sample({m.tensor({5, 3}), m.integers({7}, 0, 5), m.tensor({7, 3})}),
        m.sample({m.tensor({2, 4, 3}), m.integers({5}, -4, 4, DType::i32), m.tensor({2, 5, 3})},
                 {{"axis", 1}}),
        m.sample({m.tensor({2, 4}), m.integers({3}, 0, 4), m.tensor({2, 3})}, {{"axis", -1}}),
        m.sample({m.tensor({2, 4}), m.integers({0}, 0, 1), m.tensor({0, 4})})};
  };
  op.bad = {{"index_add: source f32[2,3] must have the shape [2,4]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3, 4}), m.integers({2}, 0, 3), m.tensor({2, 3})});
             }},
            {"index_add: input 'index' must have 1 dimensions", [](SampleMaker& m) {
               return m.sample({m.tensor({3, 4}), m.integers({2, 1}, 0, 3), m.tensor({2, 4})});
             }}};
}

}  // namespace athanor::ops
