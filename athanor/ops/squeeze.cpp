#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

Dims removed_axes(const Shape& x, const Dims& axes) {
  if (axes.empty()) {
    require<ShapeError>(!is_dynamic(x),
                        "squeeze: a dimension of {} is known only at run time; name the axes",
                        to_string(x));
    Dims ones;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (x[i] == 1) ones.push_back(static_cast<std::int64_t>(i));
    return ones;
  }
  Dims sorted = normalize_axes(axes, static_cast<std::int64_t>(x.size()), "squeeze");
  for (std::int64_t axis : sorted)
    require<ShapeError>(x[static_cast<std::size_t>(axis)] == 1,
                        "squeeze: axis {} of {} is not of size 1", axis, to_string(x));
  return sorted;
}

}  // namespace

ATH_OP(squeeze, "(x, axes: dims) -> y") {
  op.doc = "A view of x without the named axes, which must have size 1; no axes: all of size 1.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims axes = removed_axes(in[0].shape, a.dims("axes"));
    if (axes.empty()) return MetaList{in[0]};
    return MetaList{{reduced_shape(in[0].shape, axes, false), in[0].dtype}};
  };
  op.view = [](const Tensor& x, const Attrs& a) {
    const Dims axes = removed_axes(x.shape(), a.dims("axes"));
    if (axes.empty()) return x;
    return x.view_as(reduced_shape(x.shape(), axes, false), reduced_shape(x.strides(), axes, false),
                     x.offset());
  };
  op.vjp = [](const Vjp& v) {
    const Dims axes = removed_axes(v.meta(0).shape, v.attrs().dims("axes"));
    return axes.empty() ? v.grad() : unsqueeze(v.grad(), axes);
  };
  op.cheap_to_recompute = true;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const Dims axes = removed_axes(call.input_tensors[0].shape(), call.attrs.dims("axes"));
        if (axes.empty()) return OnnxNames{w.node("Identity", {call.inputs[0]})};
        return OnnxNames{w.node("Squeeze", {call.inputs[0], onnx_dims(w, axes)})};
      },
      {{"Squeeze", [](const OnnxReader& node) {
          return TensorList{squeeze(node.input(0), onnx_axes(node, 1))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({2, 1, 3})}, {{"axes", Dims{1}}}),
                               m.sample({m.tensor({2, 3, 1, 1})}, {{"axes", Dims{-1, 2}}}),
                               m.sample({m.tensor({1, 2, 1})}, {{"axes", Dims{}}}),
                               m.sample({m.tensor({1})}, {{"axes", Dims{0}}}),
                               m.sample({m.tensor({0, 1})}, {{"axes", Dims{1}}}),
                               m.sample({m.tensor({2, 3})}, {{"axes", Dims{}}})};
  };
  op.bad = {{"squeeze: axis 1 of [2,3] is not of size 1",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{1}}}); }},
            {"axis 2 is outside",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 1})}, {{"axes", Dims{2}}}); }}};
}

}  // namespace athanor::ops
