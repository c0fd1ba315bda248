#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(scatter_add, "(x, index, source, axis: integer) -> y") {
  op.doc =
      "x with y[i, index[i, j, k], k] += source[i, j, k] for axis 1. Elements that meet in one "
      "place are added in the order of source, so the result does not depend on threads. index and "
      "source have one shape; negative indices count from the end. Throws IndexError for one "
      "outside.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_index("scatter_add", in[1]);
    require_same_dtype("scatter_add", "x", in[0], "source", in[2]);
    const auto rank = static_cast<std::int64_t>(in[0].shape.size());
    require_rank("scatter_add", "index", in[1], rank);
    require<ShapeError>(in[1].shape == in[2].shape,
                        "scatter_add: index {} and source {} must have one shape", describe(in[1]),
                        describe(in[2]));
    const std::int64_t axis = normalize_axis(a.integer("axis"), rank, "scatter_add");
    for (std::size_t i = 0; i < in[0].shape.size(); ++i) {
      const std::int64_t have = in[0].shape[i], want = in[1].shape[i];
      if (static_cast<std::int64_t>(i) == axis || want == have) continue;
      require<ShapeError>(have != kDynamic && want != kDynamic && want <= have,
                          "scatter_add: index {} reaches beyond x {} along axis {}",
                          describe(in[1]), describe(in[0]), i);
    }
    return MetaList{in[0]};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const auto axis =
        static_cast<std::size_t>(normalize_axis(a.integer("axis"), in[0].rank(), "scatter_add"));
    const Tensor index = checked_index(in[1], in[0].shape()[axis], "scatter_add");
    std::vector<double> out = in[0].to_vector<double>();
    const std::vector<double> source = in[2].to_vector<double>();
    const Strides strides = contiguous_strides(in[0].shape());
    for (std::int64_t i = 0; i < index.count(); ++i) {
      Dims at = coordinates(index.shape(), i);
      at[axis] = index.data<std::int64_t>()[i];
      std::int64_t place = 0;
      for (std::size_t k = 0; k < at.size(); ++k) place += at[k] * strides[k];
      out[static_cast<std::size_t>(place)] += source[static_cast<std::size_t>(i)];
    }
    return TensorList{from_doubles(out, in[0].shape(), in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    return TensorList{v.grad(), {}, gather(v.grad(), v.input(1), v.attrs().integer("axis"))};
  };
  op.saves = Saves::input(1);
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const std::string index =
            onnx_cast(w, call.inputs[1], call.input_tensors[1].dtype(), DType::i64);
        return OnnxNames{
            w.node("ScatterElements", {call.inputs[0], index, call.inputs[2]},
                   {{"axis", call.attrs.integer("axis")}, {"reduction", std::string("add")}})};
      },
      {{"ScatterElements", [](const OnnxReader& node) {
          const std::string reduction = node.text("reduction", "none");
          require<UnsupportedError>(
              reduction == "add", "ONNX ScatterElements: reduction \"{}\" is not supported; add is",
              reduction);
          return TensorList{
              scatter_add(node.input(0), node.input(1), node.input(2), node.integer("axis", 0))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({4}), m.integers({6}, -4, 4), m.tensor({6})}, {{"axis", 0}}),
        m.sample({m.tensor({3, 4}), m.integers({3, 2}, 0, 4), m.tensor({3, 2})}, {{"axis", 1}}),
        m.sample({m.tensor({3, 4}), m.integers({5, 4}, -3, 3), m.tensor({5, 4})}, {{"axis", 0}}),
        m.sample(
            {m.tensor({2, 3, 4}), m.integers({1, 5, 3}, 0, 3, DType::i32), m.tensor({1, 5, 3})},
            {{"axis", -2}}),
        m.sample({m.tensor({3, 4}), m.integers({0, 4}, 0, 1), m.tensor({0, 4})}, {{"axis", 0}})};
  };
  op.bad = {
      {"scatter_add: index 3 at [0] is outside [-3, 3)",
       [](SampleMaker& m) {
         return m.sample({m.tensor({3}), m.integers({2}, 3, 4), m.tensor({2})}, {{"axis", 0}});
       }},
      {"must have one shape",
       [](SampleMaker& m) {
         return m.sample({m.tensor({3}), m.integers({2}, 0, 1), m.tensor({3})}, {{"axis", 0}});
       }},
      {"reaches beyond x", [](SampleMaker& m) {
         return m.sample({m.tensor({2, 2}), m.integers({3, 2}, 0, 1), m.tensor({3, 2})},
                         {{"axis", 1}});
       }}};
}

}  // namespace athanor::ops
