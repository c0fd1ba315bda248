#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(gather, "(x, index, axis: integer) -> y") {
  op.doc =
      "y[i, j, k] = x[i, index[i, j, k], k] for axis 1: picks elements along one axis. index has "
      "x's rank, along the other axes at most x's sizes; negative indices count from the end. "
      "Throws IndexError for one outside.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_index("gather", in[1]);
    const auto rank = static_cast<std::int64_t>(in[0].shape.size());
    require_rank("gather", "index", in[1], rank);
    const std::int64_t axis = normalize_axis(a.integer("axis"), rank, "gather");
    for (std::size_t i = 0; i < in[0].shape.size(); ++i) {
      const std::int64_t have = in[0].shape[i], want = in[1].shape[i];
      if (static_cast<std::int64_t>(i) == axis || want == have) continue;
      require<ShapeError>(have != kDynamic && want != kDynamic && want <= have,
                          "gather: index {} reaches beyond x {} along axis {}", describe(in[1]),
                          describe(in[0]), i);
    }
    return MetaList{{in[1].shape, in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const auto axis =
        static_cast<std::size_t>(normalize_axis(a.integer("axis"), in[0].rank(), "gather"));
    const Tensor index = checked_index(in[1], in[0].shape()[axis], "gather");
    const std::vector<double> values = in[0].to_vector<double>();
    const Strides strides = contiguous_strides(in[0].shape());
    std::vector<double> out;
    for (std::int64_t i = 0; i < index.count(); ++i) {
      Dims at = coordinates(index.shape(), i);
      at[axis] = index.data<std::int64_t>()[i];
      std::int64_t place = 0;
      for (std::size_t k = 0; k < at.size(); ++k) place += at[k] * strides[k];
      out.push_back(values[static_cast<std::size_t>(place)]);
    }
    return TensorList{from_doubles(out, index.shape(), in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const TensorMeta& x = v.meta(0);
    return TensorList{scatter_add(Tensor::zeros(x.shape, x.dtype), v.input(1), v.grad(),
                                  v.attrs().integer("axis")),
                      {}};
  };
  op.saves = Saves::input(1);
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const std::string index =
            onnx_cast(w, call.inputs[1], call.input_tensors[1].dtype(), DType::i64);
        return OnnxNames{w.node("GatherElements", {call.inputs[0], index},
                                {{"axis", call.attrs.integer("axis")}})};
      },
      {{"GatherElements", [](const OnnxReader& node) {
          return TensorList{gather(node.input(0), node.input(1), node.integer("axis", 0))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({4}), m.integers({6}, -4, 4)}, {{"axis", 0}}),
        m.sample({m.tensor({3, 4}), m.integers({3, 2}, 0, 4)}, {{"axis", 1}}),
        m.sample({m.tensor({3, 4}), m.integers({5, 4}, -3, 3)}, {{"axis", 0}}),
        m.sample({m.tensor({2, 3, 4}), m.integers({1, 5, 3}, 0, 3, DType::i32)}, {{"axis", -2}}),
        m.sample({m.tensor({3, 4}), m.integers({0, 4}, 0, 1)}, {{"axis", 0}})};
  };
  op.bad = {
      {"gather: index 3 at [0] is outside [-3, 3)",
       [](SampleMaker& m) {
         return m.sample({m.tensor({3}), m.integers({2}, 3, 4)}, {{"axis", 0}});
       }},
      {"gather: index i64[3,2] reaches beyond x f32[2,2] along axis 0",
       [](SampleMaker& m) {
         return m.sample({m.tensor({2, 2}), m.integers({3, 2}, 0, 1)}, {{"axis", 1}});
       }},
      {"gather: input 'index' is f32[3]",
       [](SampleMaker& m) { return m.sample({m.tensor({3}), Tensor::zeros({3})}, {{"axis", 0}}); }},
      {"gather: input 'index' must have 2 dimensions", [](SampleMaker& m) {
         return m.sample({m.tensor({3, 2}), m.integers({3}, 0, 1)}, {{"axis", 0}});
       }}};
}

}  // namespace athanor::ops
