#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(one_hot, "(index, classes: integer, dtype: dtype = f32) -> y") {
  op.doc =
      "A new innermost axis of `classes` elements, 1 at the index and 0 elsewhere. Negative "
      "indices "
      "count from the end. Throws IndexError for one outside.";
  op.dtypes = kIntegers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const std::int64_t classes = a.integer("classes");
    require(classes >= 1, "one_hot: classes is {}; it must be at least 1", classes);
    Shape shape = in[0].shape;
    shape.push_back(classes);
    return MetaList{{shape, a.dtype("dtype")}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t classes = a.integer("classes");
    const Tensor index = checked_index(in[0], classes, "one_hot");
    std::vector<double> out(static_cast<std::size_t>(index.count() * classes), 0);
    for (std::int64_t i = 0; i < index.count(); ++i)
      out[static_cast<std::size_t>(i * classes + index.data<std::int64_t>()[i])] = 1;
    Shape shape = in[0].shape();
    shape.push_back(classes);
    return TensorList{from_doubles(out, shape, a.dtype("dtype"))};
  };
  op.no_gradient = "its input is an index";
  op.batching = Batching::leading;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const std::string index =
            onnx_cast(w, call.inputs[0], call.input_tensors[0].dtype(), DType::i64);
        const std::vector<double> off_on{0, 1};
        return OnnxNames{w.node("OneHot",
                                {index, onnx_dims(w, Dims{call.attrs.integer("classes")}),
                                 w.constant(from_doubles(off_on, {2}, call.attrs.dtype("dtype")))},
                                {{"axis", std::int64_t{-1}}})};
      },
      {{"OneHot", [](const OnnxReader& node) {
          const Tensor index = node.input(0), values = node.constant(2);
          const auto off_on = values.to_vector<double>();
          require<FormatError>(off_on.size() == 2, "ONNX OneHot: values has {} elements",
                               off_on.size());
          const std::int64_t depth = onnx_number<std::int64_t>(node, 1);
          const Tensor plain = is_floating(index.dtype()) ? cast(index, DType::i64) : index;
          Tensor y = one_hot(plain, depth, values.dtype());
          if (off_on[0] != 0 || off_on[1] != 1)
            y = cast(y * (off_on[1] - off_on[0]) + off_on[0], values.dtype());
          const std::int64_t axis =
              normalize_axis(node.integer("axis", -1), y.rank(), "ONNX OneHot");
          if (axis == y.rank() - 1) return TensorList{y};
          Dims axes;
          for (std::int64_t i = 0; i < y.rank(); ++i)
            axes.push_back(i < axis ? i : i == axis ? y.rank() - 1 : i - 1);
          return TensorList{permute(y, axes)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.integers({5}, 0, 4, m.dtype())}, {{"classes", 4}}),
        m.sample({m.integers({2, 3}, 0, 3, m.dtype())}, {{"classes", 3}, {"dtype", DType::f64}}),
        m.sample({m.integers({}, 0, 3, m.dtype())}, {{"classes", 3}, {"dtype", DType::i64}}),
        m.sample({m.integers({2}, 0, 3, m.dtype())}, {{"classes", 3}, {"dtype", DType::boolean}}),
        m.sample({m.integers({3}, 0, 3, m.dtype())}, {{"classes", 3}, {"dtype", DType::bf16}}),
        m.sample({m.integers({0}, 0, 3, m.dtype())}, {{"classes", 3}})};
  };
  op.bad = {{"one_hot: index 3 at [0] is outside [-3, 3)",
             [](SampleMaker& m) {
               return m.sample({m.integers({2}, 3, 4, m.dtype())}, {{"classes", 3}});
             }},
            {"one_hot: classes is 0", [](SampleMaker& m) {
               return m.sample({m.integers({2}, 0, 1, m.dtype())}, {{"classes", 0}});
             }}};
}

}  // namespace athanor::ops
