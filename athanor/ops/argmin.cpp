#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(argmin, "(x, axis: integer = -1, keep: flag = false) -> y") {
  op.doc =
      "The i64 index of the smallest element along an axis, which vanishes or stays with size 1 if "
      "`keep`: the first one of equals; the first NaN if there is one.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const std::int64_t axis =
        normalize_axis(a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()), "argmin");
    require(in[0].shape[static_cast<std::size_t>(axis)] != 0,
            "argmin: axis {} of {} has no elements, so there is no index to give", axis,
            describe(in[0]));
    return MetaList{{reduced_shape(in[0].shape, {axis}, a.flag("keep")), DType::i64}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Shape& shape = in[0].shape();
    const std::int64_t axis = normalize_axis(a.integer("axis"), in[0].rank(), "argmin");
    const std::int64_t step = contiguous_strides(shape)[static_cast<std::size_t>(axis)];
    const std::int64_t size = shape[static_cast<std::size_t>(axis)];
    const std::vector<double> values = in[0].to_vector<double>();
    std::vector<std::int64_t> out;
    for (std::int64_t begin = 0; begin < in[0].count(); begin += step * size)
      for (std::int64_t inner = 0; inner < step; ++inner) {
        std::int64_t best = 0;
        for (std::int64_t i = 1; i < size; ++i) {
          const double value = values[static_cast<std::size_t>(begin + inner + i * step)];
          const double champion = values[static_cast<std::size_t>(begin + inner + best * step)];
          if (!std::isnan(champion) && (std::isnan(value) || value < champion)) best = i;
        }
        out.push_back(best);
      }
    return TensorList{Tensor::from(out, reduced_shape(shape, {axis}, a.flag("keep")))};
  };
  op.no_gradient = "an index does not change continuously";
  op.reduction = true;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const DType dtype = call.input_tensors[0].dtype();
        const std::string x =
            onnx_cast(w, call.inputs[0], dtype, dtype == DType::boolean ? DType::u8 : dtype);
        return OnnxNames{w.node("ArgMin", {x},
                                {{"axis", call.attrs.integer("axis")},
                                 {"keepdims", std::int64_t{call.attrs.flag("keep")}}})};
      },
      {{"ArgMin", [](const OnnxReader& node) {
          require<UnsupportedError>(node.integer("select_last_index", 0) == 0,
                                    "ONNX ArgMin: select_last_index is not supported");
          return TensorList{
              argmin(node.input(0), node.integer("axis", 0), node.integer("keepdims", 1) != 0)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.distinct({7})}),
                               m.sample({m.distinct({3, 5})}),
                               m.sample({m.distinct({3, 5})}, {{"axis", 0}, {"keep", true}}),
                               m.sample({m.distinct({2, 3, 4})}, {{"axis", 1}}),
                               m.sample({m.tensor({2, 4, 3, 3}, -2, 2)}, {{"axis", 1}}),
                               m.sample({m.distinct({2, 50})}, {{"axis", -1}}),
                               m.sample({m.distinct({0, 3})})};
  };
  op.bad = {{"argmin: axis 2 is outside [-2, 2)",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axis", 2}}); }},
            {"has no elements", [](SampleMaker& m) { return m.sample({m.tensor({3, 0})}); }}};
}

}  // namespace athanor::ops
