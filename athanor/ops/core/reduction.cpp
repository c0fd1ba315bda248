#include "athanor/ops/core/reduction.hpp"

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

MetaList infer_reduction(std::string_view op, const TensorMeta& x, const Attrs& attrs, DType dtype,
                         bool needs_elements) {
  const Dims axes =
      normalize_axes(attrs.dims("axes"), static_cast<std::int64_t>(x.shape.size()), op);
  if (needs_elements)
    for (std::int64_t axis : axes)
      require(x.shape[static_cast<std::size_t>(axis)] != 0,
              "{}: axis {} of {} has no elements, so there is no value to give", op, axis,
              describe(x));
  return {TensorMeta{reduced_shape(x.shape, axes, attrs.flag("keep")), dtype}};
}

Tensor keep_axes(const Tensor& reduced, std::size_t rank, const Attrs& attrs, std::string_view op) {
  if (attrs.flag("keep")) return reduced;
  const Dims axes = normalize_axes(attrs.dims("axes"), static_cast<std::int64_t>(rank), op);
  return axes.empty() ? reduced : unsqueeze(reduced, axes);
}

double reduced_count(const Shape& shape, const Attrs& attrs, std::string_view op) {
  double count = 1;
  for (std::int64_t axis :
       normalize_axes(attrs.dims("axes"), static_cast<std::int64_t>(shape.size()), op)) {
    const std::int64_t size = shape[static_cast<std::size_t>(axis)];
    require<ShapeError>(size != kDynamic,
                        "{}: the number of elements along axis {} of {} is known only at run time; "
                        "take sum there",
                        op, axis, to_string(shape));
    count *= static_cast<double>(size);
  }
  return count;
}

Tensor reference_reduction(const Tensor& x, const Attrs& attrs, DType dtype, std::string_view op,
                           const std::function<double(const std::vector<double>&)>& f) {
  const Dims axes = normalize_axes(attrs.dims("axes"), x.rank(), op);
  const Shape kept = reduced_shape(x.shape(), axes, true);
  const Strides strides = contiguous_strides(kept);
  std::vector<std::vector<double>> groups(static_cast<std::size_t>(element_count(kept)));
  const std::vector<double> values = x.to_vector<double>();
  Dims at(x.shape().size(), 0);
  for (double value : values) {
    std::int64_t group = 0;
    for (std::size_t i = 0; i < at.size(); ++i)
      if (!contains_axis(axes, static_cast<std::int64_t>(i))) group += at[i] * strides[i];
    groups[static_cast<std::size_t>(group)].push_back(value);
    for (std::size_t i = at.size(); i-- > 0 && ++at[i] == x.shape()[i];) at[i] = 0;
  }
  std::vector<double> out;
  for (const auto& group : groups) out.push_back(f(group));
  return from_doubles(out, reduced_shape(x.shape(), axes, attrs.flag("keep")), dtype);
}

std::vector<Sample> reduction_samples(SampleMaker& m, bool empty,
                                      const std::function<Tensor(const Shape&)>& make) {
  std::vector<Sample> samples{
      m.sample({make({2, 3, 4})}),
      m.sample({make({3, 5})}, {{"axes", Dims{1}}}),
      m.sample({make({3, 5})}, {{"axes", Dims{0}}, {"keep", true}}),
      m.sample({make({2, 3, 2, 4})}, {{"axes", Dims{0, 2, 3}}}),
      m.sample({make({2, 3, 2, 4})}, {{"axes", Dims{-1, 1}}, {"keep", true}}),
      m.sample({make({2, 3, 4})}, {{"axes", Dims{1}}}),
      m.sample({make({})}),
      m.sample({make({1, 4})}, {{"axes", Dims{0}}}),
      m.sample({make({37})}, {{"axes", Dims{0}}}),
      m.sample({make({40, 3})}, {{"axes", Dims{0}}}),
      m.sample({make({0, 3})}, {{"axes", Dims{1}}})};
  if (empty) {
    samples.push_back(m.sample({make({0, 3})}, {{"axes", Dims{0}}}));
    samples.push_back(m.sample({make({2, 0})}));
  }
  return samples;
}

std::vector<Sample> variance_samples(SampleMaker& m) {
  std::vector<Sample> samples =
      reduction_samples(m, true, [&m](const Shape& s) { return m.tensor(s, -3, 3); });
  for (const double correction : {0.0, 1.5})
    for (const bool keep : {false, true})
      samples.push_back(
          m.sample({m.tensor({3, 4, 5}, -3, 3)},
                   {{"axes", Dims{0, 2}}, {"keep", keep}, {"correction", correction}}));
  samples.push_back(m.sample({m.tensor({3, 7}, 1, 2)}, {{"axes", Dims{1}}, {"correction", 0.0}}));
  return samples;
}

std::vector<BadSample> bad_reductions(std::string_view op) {
  const std::string name(op);
  return {{name + ": axis 2 is outside [-2, 2) of a tensor of rank 2",
           [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{2}}}); }},
          {name + ": axis 1 stands twice in axes [1,-1]",
           [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axes", Dims{1, -1}}}); }}};
}

OnnxTo onnx_reduction(const std::string& type, bool axes_input, std::string_view op,
                      DType (*result)(DType)) {
  return [=](OnnxWriter& w, const OnnxCall& call) {
    const Tensor& x = call.input_tensors[0];
    const Dims axes = normalize_axes(call.attrs.dims("axes"), x.rank(), op);
    const std::string value = onnx_cast(w, call.inputs[0], x.dtype(), result(x.dtype()));
    if (axes.empty()) return OnnxNames{w.node("Identity", {value})};
    const auto keep = static_cast<std::int64_t>(call.attrs.flag("keep"));
    if (axes_input)
      return OnnxNames{w.node(type, {value, onnx_dims(w, axes)}, {{"keepdims", keep}})};
    return OnnxNames{w.node(type, {value}, {{"axes", to_vector(axes)}, {"keepdims", keep}})};
  };
}

OnnxFrom from_onnx_reduction(Tensor (*run)(const Tensor&, const Dims&, bool)) {
  return [run](const OnnxReader& node) {
    const Tensor x = node.input(0);
    const Dims axes = onnx_axes(node, 1);
    if (axes.empty() && node.integer("noop_with_empty_axes", 0) != 0) return TensorList{x};
    const Tensor y = run(x, axes, node.integer("keepdims", 1) != 0);
    // ONNX keeps the dtype; sums of small integers are wider here.
    return TensorList{y.dtype() == x.dtype() ? y : cast(y, x.dtype())};
  };
}

}  // namespace athanor::ops
