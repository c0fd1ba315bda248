#include <limits>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(flip, "(x, axes: dims) -> y") {
  op.doc = "x with the order of elements along the axes reversed (no axes: nothing changes).";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims axes = normalize_axes(a.dims("axes"), static_cast<std::int64_t>(in[0].shape.size()),
                                     "flip", false);
    return MetaList{in[0]};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Shape& shape = in[0].shape();
    const Dims axes = normalize_axes(a.dims("axes"), in[0].rank(), "flip", false);
    const Strides strides = contiguous_strides(shape);
    const std::vector<double> values = in[0].to_vector<double>();
    std::vector<double> out(values.size());
    Dims at(shape.size(), 0);
    for (double value : values) {
      std::int64_t place = 0;
      for (std::size_t i = 0; i < at.size(); ++i)
        place += strides[i] *
                 (contains_axis(axes, static_cast<std::int64_t>(i)) ? shape[i] - 1 - at[i] : at[i]);
      out[static_cast<std::size_t>(place)] = value;
      for (std::size_t i = at.size(); i-- > 0 && ++at[i] == shape[i];) at[i] = 0;
    }
    return TensorList{from_doubles(out, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) { return flip(v.grad(), v.attrs().dims("axes")); };
  op.layout = Layout::follows;
  op.batching = Batching::axes;
  op.onnx = onnx_custom([](OnnxWriter& w, const OnnxCall& call) {
    const Dims axes =
        normalize_axes(call.attrs.dims("axes"), call.input_tensors[0].rank(), "flip", false);
    if (axes.empty()) return OnnxNames{w.node("Identity", {call.inputs[0]})};
    const Dims back(axes.size(), -1), end(axes.size(), std::numeric_limits<std::int64_t>::min());
    return OnnxNames{w.node("Slice", {call.inputs[0], onnx_dims(w, back), onnx_dims(w, end),
                                      onnx_dims(w, axes), onnx_dims(w, back)})};
  });
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.tensor({3, 4})}, {{"axes", Dims{1}}}),
                               m.sample({m.tensor({2, 3, 4})}, {{"axes", Dims{0, -1}}}),
                               m.sample({m.tensor({2, 3, 4, 5})}, {{"axes", Dims{3}}}),
                               m.sample({m.tensor({})}, {{"axes", Dims{}}}),
                               m.sample({m.tensor({0, 3})}, {{"axes", Dims{0}}})};
  };
  op.bad = {{"flip: axis 2 is outside [-2, 2)",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{2}}}); }},
            {"flip: axis 0 stands twice",
             [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{0, 0}}}); }}};
}

}  // namespace athanor::ops
