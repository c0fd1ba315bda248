#include <algorithm>

#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/padding.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// Along axis i: which place of x stands at each place of the result.
Tensor places_of_frame(PadMode mode, std::int64_t before, std::int64_t size, std::int64_t after) {
  const Tensor places = Tensor::empty({before + size + after}, DType::i64);
  for (std::int64_t k = -before; k < size + after; ++k)
    places.data<std::int64_t>()[before + k] = padded_place(mode, k, size);
  return places;
}

// ONNX knows wrap from opset 19 on: the ends of x are put around it.
std::string onnx_circular(OnnxWriter& w, const OnnxCall& call, std::string value) {
  const Shape& shape = call.input_tensors[0].shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t before = call.attrs.dims("before")[i], after = call.attrs.dims("after")[i];
    const auto axis = static_cast<std::int64_t>(i);
    const auto part = [&](std::int64_t start, std::int64_t end) {
      return w.node("Slice", {value, onnx_dims(w, Dims{start}), onnx_dims(w, Dims{end}),
                              onnx_dims(w, Dims{axis})});
    };
    OnnxNames parts;
    if (before > 0) parts.push_back(part(shape[i] - before, shape[i]));
    parts.push_back(value);
    if (after > 0) parts.push_back(part(0, after));
    if (parts.size() > 1) value = w.node("Concat", parts, {{"axis", axis}});
  }
  return value;
}

}  // namespace

ATH_OP(pad, "(x, before: dims, after: dims, value: real = 0, mode: text = \"constant\") -> y") {
  op.doc =
      "x with `before[i]` and `after[i]` elements around axis i: `value` for the mode constant, "
      "x mirrored at its first and last element for reflect, these repeated for replicate, the "
      "other end of x for circular. reflect adds at most size - 1 on a side, circular size.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return MetaList{{padded_shape(in[0].shape, a), in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Shape shape = padded_shape(in[0].shape(), a);
    const PadMode mode = pad_mode(a.text("mode"));
    if (mode != PadMode::constant) {
      const Strides from = contiguous_strides(in[0].shape());
      const std::vector<double> x = in[0].to_vector<double>();
      std::vector<double> y(static_cast<std::size_t>(element_count(shape)));
      for (std::size_t k = 0; k < y.size(); ++k) {
        const Dims at = coordinates(shape, static_cast<std::int64_t>(k));
        std::int64_t place = 0;
        for (std::size_t i = 0; i < at.size(); ++i)
          place += padded_place(mode, at[i] - a.dims("before")[i], in[0].shape()[i]) * from[i];
        y[k] = x[static_cast<std::size_t>(place)];
      }
      return TensorList{from_doubles(y, shape, in[0].dtype())};
    }
    const Strides strides = contiguous_strides(shape);
    const std::vector<double> values = in[0].to_vector<double>();
    std::vector<double> out(static_cast<std::size_t>(element_count(shape)), a.real("value"));
    Dims at(shape.size(), 0);
    for (double value : values) {
      std::int64_t place = 0;
      for (std::size_t i = 0; i < at.size(); ++i)
        place += (at[i] + a.dims("before")[i]) * strides[i];
      out[static_cast<std::size_t>(place)] = value;
      for (std::size_t i = at.size(); i-- > 0 && ++at[i] == in[0].shape()[i];) at[i] = 0;
    }
    return TensorList{from_doubles(out, shape, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    Tensor g = v.grad();
    const Shape& shape = v.meta(0).shape;
    const Dims& before = v.attrs().dims("before");
    const Dims& after = v.attrs().dims("after");
    const PadMode mode = pad_mode(v.attrs().text("mode"));
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (before[i] == 0 && after[i] == 0) continue;
      const auto axis = static_cast<std::int64_t>(i);
      if (mode == PadMode::constant) {
        g = slice(g, axis, before[i], before[i] + shape[i]);
      } else {
        // What the frame repeats is added to where it comes from.
        Shape narrow = g.shape();
        narrow[i] = shape[i];
        g = index_add(Tensor::zeros(narrow, g.dtype()),
                      places_of_frame(mode, before[i], shape[i], after[i]), g, axis);
      }
    }
    return g;
  };
  op.layout = Layout::follows;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        // A number has no axis to pad, and ONNX Runtime refuses to try.
        if (call.output_tensors[0].rank() == 0)
          return OnnxNames{w.node("Identity", {call.inputs[0]})};
        const DType dtype = call.input_tensors[0].dtype();
        const PadMode mode = pad_mode(call.attrs.text("mode"));
        if (mode == PadMode::circular) {
          const std::string y = onnx_circular(w, call, call.inputs[0]);
          return OnnxNames{y == call.inputs[0] ? w.node("Identity", {y}) : y};
        }
        Dims pads = call.attrs.dims("before");
        for (std::int64_t n : call.attrs.dims("after")) pads.push_back(n);
        if (mode != PadMode::constant)
          return OnnxNames{
              w.node("Pad", {call.inputs[0], onnx_dims(w, pads)},
                     {{"mode", std::string(mode == PadMode::reflect ? "reflect" : "edge")}})};
        return OnnxNames{w.node(
            "Pad",
            {call.inputs[0], onnx_dims(w, pads), onnx_scalar(w, call.attrs.real("value"), dtype)},
            {{"mode", std::string("constant")}})};
      },
      {{"Pad", [](const OnnxReader& node) {
          std::string mode = node.text("mode", "constant");
          require<UnsupportedError>(
              mode == "constant" || mode == "reflect" || mode == "edge" || mode == "wrap",
              "ONNX Pad: mode \"{}\" is not supported; constant, reflect, edge and wrap are", mode);
          if (mode == "edge") mode = "replicate";
          if (mode == "wrap") mode = "circular";
          Tensor x = node.input(0);
          const Dims pads = onnx_dims(node.constant(1));
          require<FormatError>(pads.size() == 2 * x.shape().size(),
                               "ONNX Pad: {} pads for a tensor of rank {}", pads.size(), x.rank());
          double value = 0;
          if (node.input_count() > 2 && node.input(2).defined())
            value = onnx_number<double>(node, 2);
          Dims before, after;
          for (std::size_t i = 0; i < pads.size() / 2; ++i) {
            // No axis is longer: more is refused, or cuts all, as the limit does.
            constexpr std::int64_t kMost = std::int64_t{1} << 61;
            const std::int64_t low = std::clamp(pads[i], -kMost, kMost),
                               high = std::clamp(pads[i + pads.size() / 2], -kMost, kMost);
            if (low < 0 || high < 0)  // a negative pad cuts
              x = slice(x, static_cast<std::int64_t>(i), std::max<std::int64_t>(-low, 0),
                        x.dim(static_cast<std::int64_t>(i)) + std::min<std::int64_t>(high, 0));
            before.push_back(std::max<std::int64_t>(low, 0));
            after.push_back(std::max<std::int64_t>(high, 0));
          }
          return TensorList{pad(x, before, after, value, mode)};
        }}});
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples{
        m.sample({m.tensor({2, 3})}, {{"before", Dims{1, 0}}, {"after", Dims{0, 2}}}),
        m.sample({m.tensor({4})}, {{"before", Dims{2}}, {"after", Dims{1}}, {"value", 1.0}}),
        m.sample({m.tensor({2, 3, 4, 5})},
                 {{"before", Dims{0, 0, 1, 2}}, {"after", Dims{0, 0, 1, 2}}}),
        m.sample({m.tensor({})}, {{"before", Dims{}}, {"after", Dims{}}}),
        m.sample({m.tensor({0, 2})}, {{"before", Dims{1, 0}}, {"after", Dims{1, 0}}}),
        m.sample({m.tensor({2, 3})}, {{"before", Dims{0, 0}}, {"after", Dims{0, 0}}})};
    for (const char* mode : {"reflect", "replicate", "circular"}) {
      const auto add = [&](const Shape& shape, const Dims& before, const Dims& after) {
        samples.push_back(
            m.sample({m.tensor(shape)},
                     {{"before", before}, {"after", after}, {"mode", std::string(mode)}}));
      };
      add({4}, {2}, {3});
      add({3, 4}, {1, 0}, {2, 3});
      add({2, 3, 4, 5}, {0, 0, 1, 2}, {0, 0, 3, 1});
      add({2, 0}, {1, 0}, {1, 0});
      add({}, {}, {});
      add({2, 3}, {0, 0}, {0, 0});
    }
    return samples;
  };
  op.bad = {{"one number for each of the 2 axes",
             [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3})}, {{"before", Dims{1}}, {"after", Dims{1}}});
             }},
            {"must be at least 0",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3})}, {{"before", Dims{-1}}, {"after", Dims{1}}});
             }},
            {"pad: mode reflect adds at most 2 elements on a side of axis 0 of [3], not 3",
             [](SampleMaker& m) {
               return m.sample(
                   {m.tensor({3})},
                   {{"before", Dims{3}}, {"after", Dims{0}}, {"mode", std::string("reflect")}});
             }},
            {"pad: mode replicate adds at most 0 elements on a side of axis 0 of [0], not 1",
             [](SampleMaker& m) {
               return m.sample(
                   {m.tensor({0})},
                   {{"before", Dims{1}}, {"after", Dims{0}}, {"mode", std::string("replicate")}});
             }},
            {"pad: mode is \"mirror\"; it can be constant, reflect, replicate, circular",
             [](SampleMaker& m) {
               return m.sample(
                   {m.tensor({3})},
                   {{"before", Dims{1}}, {"after", Dims{1}}, {"mode", std::string("mirror")}});
             }}};
}

}  // namespace athanor::ops
