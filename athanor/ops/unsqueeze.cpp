#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

Dims new_axes(const Shape& x, const Dims& axes) {
  return normalize_axes(axes, static_cast<std::int64_t>(x.size() + axes.size()), "unsqueeze",
                        false);
}

Dims with_axes(const Dims& from, const Dims& axes, std::int64_t value) {
  Dims out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < from.size() + axes.size(); ++i)
    out.push_back(contains_axis(axes, static_cast<std::int64_t>(i)) ? value : from[next++]);
  return out;
}

}  // namespace

ATH_OP(unsqueeze, "(x, axes: dims) -> y") {
  op.doc = "A view of x with new axes of size 1; `axes` are their places in y.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims axes = new_axes(in[0].shape, a.dims("axes"));
    const Shape shape = with_axes(in[0].shape, axes, 1);
    for (std::size_t i = 1; i < shape.size(); ++i)
      require<ShapeError>(shape[i] != kDynamic,
                          "unsqueeze: the leading dimension of {} is known only at run time and "
                          "must stay the leading one (axes {})",
                          describe(in[0]), to_string(axes));
    return MetaList{{shape, in[0].dtype}};
  };
  op.view = [](const Tensor& x, const Attrs& a) {
    const Dims axes = new_axes(x.shape(), a.dims("axes"));
    const Shape shape = with_axes(x.shape(), axes, 1);
    Strides strides = with_axes(x.strides(), axes, 1);
    // The stride of an axis of size 1 is free; row-major is what libraries like to see.
    std::int64_t step = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
      if (contains_axis(axes, static_cast<std::int64_t>(i))) {
        strides[i] = step;
      } else {
        step = strides[i] * std::max<std::int64_t>(shape[i], 1);
      }
    }
    return x.view_as(shape, strides, x.offset());
  };
  op.vjp = [](const Vjp& v) {
    const Dims axes = new_axes(v.meta(0).shape, v.attrs().dims("axes"));
    return axes.empty() ? v.grad() : squeeze(v.grad(), axes);
  };
  op.cheap_to_recompute = true;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const Dims axes = new_axes(call.input_tensors[0].shape(), call.attrs.dims("axes"));
        if (axes.empty()) return OnnxNames{w.node("Identity", {call.inputs[0]})};
        return OnnxNames{w.node("Unsqueeze", {call.inputs[0], onnx_dims(w, axes)})};
      },
      {{"Unsqueeze", [](const OnnxReader& node) {
          return TensorList{unsqueeze(node.input(0), onnx_axes(node, 1))};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({2, 3})}, {{"axes", Dims{1}}}),
                               m.sample({m.tensor({2, 3})}, {{"axes", Dims{0, -1}}}),
                               m.sample({m.tensor({})}, {{"axes", Dims{0}}}),
                               m.sample({m.tensor({0, 2})}, {{"axes", Dims{2}}}),
                               m.sample({m.tensor({4})}, {{"axes", Dims{1, 2}}})};
  };
  op.bad = {{"axis 3 is outside [-3, 3)",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{3}}}); }},
            {"unsqueeze: axis 1 stands twice",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{1, 1}}}); }}};
}

}  // namespace athanor::ops
