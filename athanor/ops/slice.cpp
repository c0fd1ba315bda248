#include <limits>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

struct Range {
  std::size_t axis = 0;
  std::int64_t start = 0, step = 1, count = 0;
};

// As Python's x[start:end:step] for a positive step: out of range is clamped.
Range checked_range(const Shape& x, const Attrs& a) {
  Range r;
  r.axis = static_cast<std::size_t>(
      normalize_axis(a.integer("axis"), static_cast<std::int64_t>(x.size()), "slice"));
  r.step = a.integer("step");
  require(r.step >= 1, "slice: step is {}; it must be at least 1 (flip reverses an axis)", r.step);
  const std::int64_t size = x[r.axis];
  std::int64_t end = a.integer("end");
  r.start = a.integer("start");
  if (size == kDynamic) {
    require<ShapeError>(
        r.start == 0 && r.step == 1 && end == std::numeric_limits<std::int64_t>::max(),
        "slice: axis {} of {} is known only at run time; slice another axis", r.axis, to_string(x));
    r.count = kDynamic;
    return r;
  }
  const auto clamp = [size](std::int64_t i) {
    if (i < 0) i = i < -size ? 0 : i + size;
    return std::min(i, size);
  };
  r.start = clamp(r.start);
  end = clamp(end);
  r.count = end > r.start ? (end - r.start - 1) / r.step + 1 : 0;
  return r;
}

// Slice of ONNX along one axis, negative steps too: they are a flip and a slice.
Tensor onnx_slice(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t end,
                  std::int64_t step) {
  if (step > 0) return slice(x, axis, start, end, step);
  require<FormatError>(step < 0, "ONNX Slice: a step is 0");
  const std::int64_t size = x.dim(axis);
  require<UnsupportedError>(size != kDynamic, "ONNX Slice: a negative step on the batch axis");
  const auto clamp = [size](std::int64_t i) {
    if (i < 0) i = i < -size ? -1 : i + size;
    return std::min(i, size - 1);
  };
  return slice(flip(x, {axis}), axis, size - 1 - clamp(start), size - 1 - clamp(end),
               step == std::numeric_limits<std::int64_t>::min()
                   ? std::numeric_limits<std::int64_t>::max()
                   : -step);
}

}  // namespace

ATH_OP(slice, "(x, axis: integer, start: integer, end: integer, step: integer = 1) -> y") {
  op.doc =
      "A view of x[start:end:step] along one axis, as in Python: negative positions count from the "
      "end, positions outside are clamped. step is at least 1.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Range r = checked_range(in[0].shape, a);
    Shape shape = in[0].shape;
    shape[r.axis] = r.count;
    return MetaList{{shape, in[0].dtype}};
  };
  op.view = [](const Tensor& x, const Attrs& a) {
    const Range r = checked_range(x.shape(), a);
    Shape shape = x.shape();
    shape[r.axis] = r.count;
    Strides strides = x.strides();
    const std::int64_t offset = x.offset() + (r.count == 0 ? 0 : r.start * strides[r.axis]);
    if (r.count > 1) strides[r.axis] *= r.step;
    return x.view_as(shape, strides, offset);
  };
  // Zeros around and between the elements of the gradient.
  op.vjp = [](const Vjp& v) {
    const Shape& shape = v.meta(0).shape;
    const Range r = checked_range(shape, v.attrs());
    if (r.count == kDynamic || (r.count == shape[r.axis] && r.step == 1)) return v.grad();
    const auto axis = static_cast<std::int64_t>(r.axis);
    const std::int64_t room = shape[r.axis] - r.start;
    Tensor g = v.grad();
    std::int64_t count = r.count;
    const auto pad_axis = [](const Tensor& t, std::size_t at, std::int64_t low, std::int64_t high) {
      Dims before(t.shape().size(), 0), after(t.shape().size(), 0);
      before[at] = low;
      after[at] = high;
      return pad(t, before, after);
    };
    if (count == 0) return pad_axis(g, r.axis, 0, shape[r.axis]);
    if (r.step > 1 && count > 1) {
      Dims spread(shape.begin(), shape.end());
      spread[r.axis] = count * r.step;
      if (is_dynamic(spread)) spread[0] = 0;
      g = reshape(pad_axis(unsqueeze(g, {axis + 1}), r.axis + 1, 0, r.step - 1), spread);
      count *= r.step;
      if (count > room) g = slice(g, axis, 0, room), count = room;
    }
    return pad_axis(g, r.axis, r.start, room - count);
  };
  op.cheap_to_recompute = true;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const Range r = checked_range(call.input_tensors[0].shape(), call.attrs);
        if (r.count == kDynamic) return OnnxNames{w.node("Identity", {call.inputs[0]})};
        const auto one = [&w](std::int64_t value) {
          return onnx_dims(w, std::span<const std::int64_t>(&value, 1));
        };
        const std::int64_t end = r.count == 0 ? r.start : r.start + (r.count - 1) * r.step + 1;
        return OnnxNames{w.node("Slice", {call.inputs[0], one(r.start), one(end),
                                          one(static_cast<std::int64_t>(r.axis)), one(r.step)})};
      },
      {{"Slice", [](const OnnxReader& node) {
          Tensor x = node.input(0);
          // Up to opset 9 the bounds were attributes.
          const bool old = node.opset() < 10;
          const auto bounds = [&](const char* name, int input) {
            if (!old) return onnx_dims(node.constant(input));
            const std::vector<std::int64_t> v = node.integers(name, {});
            return Dims(v.begin(), v.end());
          };
          const Dims starts = bounds("starts", 1), ends = bounds("ends", 2);
          Dims axes, steps(starts.size(), 1);
          if (old && node.has("axes")) {
            axes = bounds("axes", 3);
          } else if (!old && node.input_count() > 3 && node.input(3).defined()) {
            axes = onnx_dims(node.constant(3));
          } else {
            for (std::size_t i = 0; i < starts.size(); ++i)
              axes.push_back(static_cast<std::int64_t>(i));
          }
          if (!old && node.input_count() > 4 && node.input(4).defined())
            steps = onnx_dims(node.constant(4));
          require<FormatError>(ends.size() == starts.size() && axes.size() == starts.size() &&
                                   steps.size() == starts.size(),
                               "ONNX Slice: starts, ends, axes and steps differ in length");
          for (std::size_t i = 0; i < starts.size(); ++i)
            x = onnx_slice(x, axes[i], starts[i], ends[i], steps[i]);
          return TensorList{x};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({4, 3})}, {{"axis", 0}, {"start", 1}, {"end", 3}}),
        m.sample({m.tensor({2, 7})}, {{"axis", 1}, {"start", 1}, {"end", 100}, {"step", 2}}),
        m.sample({m.tensor({2, 7})}, {{"axis", -1}, {"start", 0}, {"end", 7}, {"step", 3}}),
        m.sample({m.tensor({2, 8, 3})}, {{"axis", 1}, {"start", 1}, {"end", 6}, {"step", 4}}),
        m.sample({m.tensor({5})}, {{"axis", 0}, {"start", -3}, {"end", -1}}),
        m.sample({m.tensor({5, 2})}, {{"axis", 0}, {"start", 3}, {"end", 2}}),
        m.sample({m.tensor({5, 2})}, {{"axis", 0}, {"start", 0}, {"end", 5}})};
  };
  op.bad = {{"slice: step is 0",
             [](SampleMaker& m) {
               return m.sample({m.tensor({4})},
                               {{"axis", 0}, {"start", 0}, {"end", 2}, {"step", 0}});
             }},
            {"slice: axis 1 is outside [-1, 1)", [](SampleMaker& m) {
               return m.sample({m.tensor({4})}, {{"axis", 1}, {"start", 0}, {"end", 2}});
             }}};
}

}  // namespace athanor::ops
