#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

Dims flat_shape(const Shape& x, std::int64_t start) {
  const auto rank = static_cast<std::int64_t>(x.size());
  // start = rank is allowed: every sample gets one column.
  require<IndexError>(start >= -rank && start <= rank,
                      "flatten: start {} is outside [{}, {}] of a tensor of rank {}", start, -rank,
                      rank, rank);
  if (start < 0) start += rank;
  Dims shape(x.begin(), x.begin() + start);
  const Shape rest(x.begin() + start, x.end());
  shape.push_back(is_dynamic(rest) ? kDynamic : element_count(rest));
  return shape;
}

}  // namespace

ATH_OP(flatten, "(x, start: integer = 1) -> y") {
  op.doc =
      "Joins the axes from `start` on into one: [N, C, H, W] becomes [N, C*H*W]. A view when x's "
      "strides allow it.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return MetaList{{flat_shape(in[0].shape, a.integer("start")), in[0].dtype}};
  };
  op.view = [](const Tensor& x, const Attrs& a) {
    return reshape(x, flat_shape(x.shape(), a.integer("start")));
  };
  op.vjp = [](const Vjp& v) {
    const Shape& shape = v.meta(0).shape;
    const bool empty = !is_dynamic(shape) && element_count(shape) == 0;
    return reshape(empty ? reshape(v.grad(), {0}) : v.grad(), shape);
  };
  op.cheap_to_recompute = true;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const Shape& x = call.input_tensors[0].shape();
        Dims shape = flat_shape(x, call.attrs.integer("start"));
        if (shape.size() == 2)
          return OnnxNames{w.node("Flatten", {call.inputs[0]}, {{"axis", std::int64_t{1}}})};
        const bool empty = !is_dynamic(shape) && element_count(shape) == 0;
        if (!empty && shape.size() > 1) shape[0] = 0;
        OnnxAttrs attrs;
        if (empty) attrs.emplace("allowzero", std::int64_t{1});
        return OnnxNames{w.node("Reshape", {call.inputs[0], onnx_dims(w, shape)}, attrs)};
      },
      {{"Flatten", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          std::int64_t axis = node.integer("axis", 1);
          require<FormatError>(axis >= -x.rank() && axis <= x.rank(),
                               "ONNX Flatten: axis {} is outside [{}, {}] of a tensor of rank {}",
                               axis, -x.rank(), x.rank(), x.rank());
          if (axis < 0) axis += x.rank();
          if (axis == 1) return TensorList{flatten(x, 1)};
          const Shape before(x.shape().begin(), x.shape().begin() + axis);
          const Shape after(x.shape().begin() + axis, x.shape().end());
          return TensorList{reshape(x, {is_dynamic(before) ? -1 : element_count(before),
                                        is_dynamic(after) ? -1 : element_count(after)})};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({2, 3, 2, 2})}),
                               m.sample({m.tensor({2, 3})}, {{"start", 0}}),
                               m.sample({m.tensor({2, 3, 4})}, {{"start", -2}}),
                               m.sample({m.tensor({3})}),
                               m.sample({m.tensor({})}, {{"start", 0}}),
                               m.sample({m.tensor({0, 3, 2})}),
                               m.sample({m.tensor({2, 2, 3, 2})}, {{"start", 2}})};
  };
  op.bad = {{"flatten: start 3 is outside [-2, 2]",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"start", 3}}); }}};
}

}  // namespace athanor::ops
