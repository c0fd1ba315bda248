#include <algorithm>

#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// x's shape with `axis` replaced by the shape of the index.
Shape selected(const Shape& x, std::int64_t axis, const Shape& index) {
  Shape out(x.begin(), x.begin() + axis);
  out.append(index.begin(), index.end());
  out.append(x.begin() + axis + 1, x.end());
  return out;
}

}  // namespace

ATH_OP(index_select, "(x, index, axis: integer = 0) -> y") {
  op.doc =
      "The slices of x along an axis that index names, in its order (an embedding's lookup for "
      "axis "
      "0). index may have any rank: its axes replace the axis. Negative indices count from the "
      "end. Throws IndexError for one outside.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_index("index_select", in[1]);
    const std::int64_t axis = normalize_axis(
        a.integer("axis"), static_cast<std::int64_t>(in[0].shape.size()), "index_select");
    require_static_axis("index_select", in[0], axis, "select along another axis");
    require<ShapeError>(axis == 0 || !is_dynamic(in[1].shape),
                        "index_select: an index whose size is known only at run time selects along "
                        "axis 0 only, not {}",
                        axis);
    return MetaList{{selected(in[0].shape, axis, in[1].shape), in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t axis = normalize_axis(a.integer("axis"), in[0].rank(), "index_select");
    const std::int64_t size = in[0].dim(axis);
    const Tensor index = checked_index(in[1], size, "index_select");
    const std::vector<double> values = in[0].to_vector<double>();
    const std::int64_t inner = contiguous_strides(in[0].shape())[static_cast<std::size_t>(axis)];
    std::vector<double> out;
    for (std::int64_t o = 0; o < in[0].count() / std::max<std::int64_t>(1, size * inner); ++o)
      for (std::int64_t i = 0; i < index.count(); ++i) {
        const auto* from = values.data() + (o * size + index.data<std::int64_t>()[i]) * inner;
        out.insert(out.end(), from, from + inner);
      }
    return TensorList{
        from_doubles(out, selected(in[0].shape(), axis, in[1].shape()), in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const TensorMeta& x = v.meta(0);
    const Tensor& index = v.input(1);
    const std::int64_t axis = normalize_axis(
        v.attrs().integer("axis"), static_cast<std::int64_t>(x.shape.size()), "index_select");
    Tensor flat_index = index, g = v.grad();
    if (index.rank() != 1) {
      flat_index = reshape(index, {index.count()});
      g = reshape(g, selected(x.shape, axis, {index.count()}));
    }
    return TensorList{index_add(Tensor::zeros(x.shape, x.dtype), flat_index, g, axis), {}};
  };
  op.saves = Saves::input(1);
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const std::string index =
            onnx_cast(w, call.inputs[1], call.input_tensors[1].dtype(), DType::i64);
        return OnnxNames{
            w.node("Gather", {call.inputs[0], index}, {{"axis", call.attrs.integer("axis")}})};
      },
      {{"Gather", [](const OnnxReader& node) {
          return TensorList{index_select(node.input(0), node.input(1), node.integer("axis", 0))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({4}), m.integers({6}, -4, 4)}),
        m.sample({m.tensor({5, 3}), m.integers({2, 4}, 0, 5)}),
        m.sample({m.tensor({2, 4, 3}), m.integers({3}, -4, 4, DType::i32)}, {{"axis", 1}}),
        m.sample({m.tensor({2, 4}), m.integers({}, 0, 4)}, {{"axis", -1}}),
        m.sample({m.tensor({2, 4}), m.integers({0}, 0, 1)})};
  };
  op.bad = {{"index_select: index 3 at [0] is outside [-3, 3)",
             [](SampleMaker& m) { return m.sample({m.tensor({3}), m.integers({2}, 3, 4)}); }},
            {"index_select: axis 1 is outside",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3}), m.integers({2}, 0, 1)}, {{"axis", 1}});
             }},
            {"index_select: input 'index' is f32[2]",
             [](SampleMaker& m) { return m.sample({m.tensor({3}), Tensor::zeros({2})}); }}};
}

}  // namespace athanor::ops
