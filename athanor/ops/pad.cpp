#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

Shape padded(const Shape& x, const Attrs& a) {
  const Dims& before = a.dims("before");
  const Dims& after = a.dims("after");
  require<ShapeError>(before.size() == x.size() && after.size() == x.size(),
                      "pad: before {} and after {} must have one number for each of the {} axes "
                      "of {}",
                      list_of(before), list_of(after), x.size(), to_string(x));
  Shape out = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    require(before[i] >= 0 && after[i] >= 0 && before[i] <= (std::int64_t{1} << 40) &&
                after[i] <= (std::int64_t{1} << 40),
            "pad: before {} and after {} must be at least 0 (slice cuts)", list_of(before),
            list_of(after));
    if (x[i] == kDynamic) {
      require<ShapeError>(before[i] == 0 && after[i] == 0,
                          "pad: axis {} of {} is known only at run time; pad another axis", i,
                          to_string(x));
    } else {
      out[i] += before[i] + after[i];
    }
  }
  return out;
}

}  // namespace

ATH_OP(pad, "(x, before: dims, after: dims, value: real = 0) -> y") {
  op.doc = "x with `before[i]` and `after[i]` elements of `value` around axis i.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return MetaList{{padded(in[0].shape, a), in[0].dtype}};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Shape shape = padded(in[0].shape(), a);
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
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (before[i] != 0 || after[i] != 0)
        g = slice(g, static_cast<std::int64_t>(i), before[i], before[i] + shape[i]);
    return g;
  };
  op.layout = Layout::follows;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        // A number has no axis to pad, and ONNX Runtime refuses to try.
        if (call.output_tensors[0].rank() == 0)
          return OnnxNames{w.node("Identity", {call.inputs[0]})};
        const DType dtype = call.input_tensors[0].dtype();
        Dims pads = call.attrs.dims("before");
        for (std::int64_t n : call.attrs.dims("after")) pads.push_back(n);
        return OnnxNames{w.node(
            "Pad",
            {call.inputs[0], onnx_dims(w, pads), onnx_scalar(w, call.attrs.real("value"), dtype)},
            {{"mode", std::string("constant")}})};
      },
      {{"Pad", [](const OnnxReader& node) {
          const std::string mode = node.text("mode", "constant");
          require<UnsupportedError>(mode == "constant",
                                    "ONNX Pad: mode \"{}\" is not supported; constant is", mode);
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
          return TensorList{pad(x, before, after, value)};
        }}});
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3})}, {{"before", Dims{1, 0}}, {"after", Dims{0, 2}}}),
        m.sample({m.tensor({4})}, {{"before", Dims{2}}, {"after", Dims{1}}, {"value", 1.0}}),
        m.sample({m.tensor({2, 3, 4, 5})},
                 {{"before", Dims{0, 0, 1, 2}}, {"after", Dims{0, 0, 1, 2}}}),
        m.sample({m.tensor({})}, {{"before", Dims{}}, {"after", Dims{}}}),
        m.sample({m.tensor({0, 2})}, {{"before", Dims{1, 0}}, {"after", Dims{1, 0}}}),
        m.sample({m.tensor({2, 3})}, {{"before", Dims{0, 0}}, {"after", Dims{0, 0}}})};
  };
  op.bad = {{"one number for each of the 2 axes",
             [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3})}, {{"before", Dims{1}}, {"after", Dims{1}}});
             }},
            {"must be at least 0", [](SampleMaker& m) {
               return m.sample({m.tensor({3})}, {{"before", Dims{-1}}, {"after", Dims{1}}});
             }}};
}

}  // namespace athanor::ops
