#include "athanor/ops/core/convolution.hpp"

#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/window.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

constexpr std::int64_t kMostOfAttribute = std::int64_t{1} << 20;

/// Axis i of the pictures, and how a message names it.
struct Axis {
  std::int64_t size, kernel, stride, padding, dilation;

  Axis(const TensorMeta& x, const TensorMeta& w, const Attrs& a, std::size_t i)
      : size(x.shape[i + 2]),
        kernel(w.shape[i + 2]),
        stride(a.dims("stride")[i]),
        padding(a.dims("padding")[i]),
        dilation(a.dims("dilation")[i]) {}
  std::int64_t span() const { return dilation * (kernel - 1) + 1; }
};

void require_conv(std::string_view op, const TensorMeta& x, const TensorMeta& w, const Attrs& a,
                  std::size_t axes) {
  require_rank(op, "x", x, static_cast<std::int64_t>(axes) + 2);
  require_rank(op, "weight", w, static_cast<std::int64_t>(axes) + 2);
  require_same_dtype(op, "x", x, "weight", w);
  require_each_axis(op, "stride", a.dims("stride"), axes, 1);
  require_each_axis(op, "padding", a.dims("padding"), axes, 0);
  require_each_axis(op, "dilation", a.dims("dilation"), axes, 1);
  require(a.integer("groups") >= 1, "{}: groups is {}; it must be at least 1", op,
          a.integer("groups"));
  for (std::size_t i = 0; i < w.shape.size(); ++i)
    require<ShapeError>(w.shape[i] > 0 && (i < 2 || w.shape[i] < kMostOfAttribute),
                        "{}: weight {} has no filters, channels or elements", op, describe(w));
}

void require_bias(std::string_view op, const TensorMeta& x, const TensorMeta& bias,
                  std::int64_t filters) {
  if (bias.shape.empty()) return;
  require<ShapeError>(bias.shape == Shape{filters},
                      "{}: bias must have shape [{}], one value for each filter (bias: {})", op,
                      filters, describe(bias));
  require_same_dtype(op, "x", x, "bias", bias);
}

OnnxAttrs onnx_conv_attrs(const OnnxCall& call) {
  const Attrs& a = call.attrs;
  const Shape& weight = call.input_tensors[1].shape();
  Dims pads = a.dims("padding");
  for (std::int64_t p : a.dims("padding")) pads.push_back(p);
  return {{"kernel_shape", std::vector<std::int64_t>(weight.begin() + 2, weight.end())},
          {"strides", to_vector(a.dims("stride"))},
          {"pads", to_vector(pads)},
          {"dilations", to_vector(a.dims("dilation"))},
          {"group", a.integer("groups")}};
}

OnnxNames without_absent_bias(const OnnxCall& call) {
  OnnxNames inputs = call.inputs;
  if (inputs.size() == 3 && inputs[2].empty()) inputs.pop_back();
  return inputs;
}

/// What Conv and ConvTranspose nodes have in common.
struct OnnxConv {
  Tensor x, weight, bias;
  std::size_t axes;
  Dims kernel, stride, dilation;
  std::int64_t groups;

  explicit OnnxConv(const OnnxReader& node) : x(node.input(0)), weight(node.input(1)) {
    require<UnsupportedError>(
        x.rank() == weight.rank() && weight.rank() >= 3 && weight.rank() <= 5,
        "ONNX {}: 1-D, 2-D and 3-D convolutions are supported, the weight is {}, the input {}",
        node.type(), describe(weight), describe(x));
    axes = weight.shape().size() - 2;
    kernel = Dims(weight.shape().begin() + 2, weight.shape().end());
    const std::vector<std::int64_t> ones(axes, 1), same = to_vector(kernel);
    const auto said = node.integers("kernel_shape", same);
    require<FormatError>(said == same, "ONNX {}: kernel_shape is {}, the weight is {}", node.type(),
                         to_string(std::span<const std::int64_t>(said)), describe(weight));
    const auto strides = node.integers("strides", ones),
               dilations = node.integers("dilations", ones);
    stride = Dims(strides.begin(), strides.end());
    dilation = Dims(dilations.begin(), dilations.end());
    const std::string name = "ONNX " + node.type();
    require_each_axis(name, "strides", stride, axes, 1);
    require_each_axis(name, "dilations", dilation, axes, 1);
    groups = node.integer("group", 1);
    if (node.input_count() > 2) bias = node.input(2);
  }
};

/// Padding of a ConvTranspose node: `before` and `after` each axis of the result are cut off.
struct Cuts {
  Dims before, after;
};

Cuts read_cuts(const OnnxReader& node, const OnnxConv& c, const Dims& output_padding) {
  const std::string auto_pad = node.text("auto_pad", "NOTSET");
  const bool upper = auto_pad == "SAME_UPPER", same = upper || auto_pad == "SAME_LOWER";
  require<FormatError>(same || auto_pad == "NOTSET" || auto_pad == "VALID",
                       "ONNX ConvTranspose: auto_pad \"{}\" is unknown", auto_pad);
  std::vector<std::int64_t> pads = node.integers("pads", std::vector<std::int64_t>(2 * c.axes, 0));
  if (auto_pad == "VALID") pads.assign(2 * c.axes, 0);
  const std::vector<std::int64_t> wanted = node.integers("output_shape", {});
  require<FormatError>(pads.size() == 2 * c.axes && (wanted.empty() || wanted.size() == c.axes),
                       "ONNX ConvTranspose: {} pads and an output_shape of {} for {} axes",
                       pads.size(), wanted.size(), c.axes);
  Cuts cuts;
  for (std::size_t i = 0; i < c.axes; ++i) {
    if (same || !wanted.empty()) {
      const std::int64_t in = c.x.shape()[i + 2];
      const std::int64_t out = wanted.empty() ? in * c.stride[i] : wanted[i];
      const std::int64_t whole =
          c.stride[i] * (in - 1) + output_padding[i] + c.dilation[i] * (c.kernel[i] - 1) + 1;
      require<UnsupportedError>(out >= 1 && out <= whole,
                                "ONNX ConvTranspose: an output of {} for an input of {} would need "
                                "negative padding",
                                out, in);
      const std::int64_t total = whole - out;
      pads[i] = upper ? total / 2 : total - total / 2;
      pads[i + c.axes] = total - pads[i];
    }
    require<UnsupportedError>(pads[i] >= 0 && pads[i + c.axes] >= 0 && pads[i] < kMostOfAttribute &&
                                  pads[i + c.axes] < kMostOfAttribute,
                              "ONNX ConvTranspose: pads of {} and {}; they must lie in [0, 2^20)",
                              pads[i], pads[i + c.axes]);
    cuts.before.push_back(pads[i]);
    cuts.after.push_back(pads[i + c.axes]);
  }
  return cuts;
}

}  // namespace

void require_each_axis(std::string_view op, std::string_view attribute, const Dims& value,
                       std::size_t axes, std::int64_t least) {
  if (value.size() == axes && std::all_of(value.begin(), value.end(), [&](std::int64_t v) {
        return v >= least && v < kMostOfAttribute;
      })) [[likely]]
    return;
  raise<ValueError>("{}: {} is {}; it must have {} value{}, each at least {} and less than 2^20",
                    op, attribute, list_of(value), axes, axes == 1 ? "" : "s", least);
}

MetaList infer_conv(std::string_view op, std::span<const TensorMeta> in, const Attrs& attrs,
                    std::size_t axes) {
  const TensorMeta &x = in[0], &w = in[1];
  require_conv(op, x, w, attrs, axes);
  const std::int64_t groups = attrs.integer("groups");
  require<ShapeError>(x.shape[1] == w.shape[1] * groups,
                      "{}: input has {} channels, weight expects {} (x: {}, weight: {})", op,
                      x.shape[1], w.shape[1] * groups, describe(x), describe(w));
  require<ShapeError>(w.shape[0] % groups == 0,
                      "{}: weight {} with groups {} has no whole number of filters for each group",
                      op, describe(w), groups);
  require_bias(op, x, in[2], w.shape[0]);
  Shape y{x.shape[0], w.shape[0]};
  for (std::size_t i = 0; i < axes; ++i) {
    const Axis a(x, w, attrs, i);
    const std::int64_t free = a.size == kDynamic ? -1 : a.size + 2 * a.padding - a.span();
    require<ShapeError>(a.size > 0 && free >= 0,
                        "{}: a kernel of {} with dilation {} and padding {} does not fit into axis "
                        "{} of x: {}",
                        op, a.kernel, a.dilation, a.padding, i + 2, describe(x));
    y.push_back(free / a.stride + 1);
  }
  return {{y, x.dtype}};
}

MetaList infer_conv_transpose(std::string_view op, std::span<const TensorMeta> in,
                              const Attrs& attrs, std::size_t axes) {
  const TensorMeta &x = in[0], &w = in[1];
  require_conv(op, x, w, attrs, axes);
  const Dims& more = attrs.dims("output_padding");
  require_each_axis(op, "output_padding", more, axes, 0);
  const std::int64_t groups = attrs.integer("groups");
  require<ShapeError>(x.shape[1] == w.shape[0],
                      "{}: input has {} channels, weight expects {} (x: {}, weight: {})", op,
                      x.shape[1], w.shape[0], describe(x), describe(w));
  require<ShapeError>(w.shape[0] % groups == 0, "{}: weight {} does not split into {} groups", op,
                      describe(w), groups);
  require_bias(op, x, in[2], w.shape[1] * groups);
  Shape y{x.shape[0], w.shape[1] * groups};
  for (std::size_t i = 0; i < axes; ++i) {
    const Axis a(x, w, attrs, i);
    require(more[i] < std::max(a.stride, a.dilation),
            "{}: output_padding is {}; it must be smaller than the stride {} or the dilation {}",
            op, list_of(more), list_of(attrs.dims("stride")), list_of(attrs.dims("dilation")));
    const std::int64_t size =
        a.size == kDynamic ? 0 : (a.size - 1) * a.stride - 2 * a.padding + a.span() + more[i];
    require<ShapeError>(a.size > 0 && size >= 1,
                        "{}: padding {} leaves nothing of axis {} of the output (x: {}, weight: "
                        "{})",
                        op, a.padding, i + 2, describe(x), describe(w));
    y.push_back(size);
  }
  return {{y, x.dtype}};
}

Tensor add_bias(const Tensor& y, const Tensor& bias) {
  if (!bias.defined()) return y;
  Dims shape(y.shape().size() - 1, 1);
  shape[0] = bias.count();
  return y + reshape(bias, shape);
}

Dims with_front(std::int64_t value, const Dims& rest) {
  Dims out{value};
  for (std::int64_t v : rest) out.push_back(v);
  return out;
}

OnnxNames write_conv(OnnxWriter& writer, const OnnxCall& call) {
  return {writer.node("Conv", without_absent_bias(call), onnx_conv_attrs(call))};
}

OnnxNames write_conv_transpose(OnnxWriter& writer, const OnnxCall& call) {
  OnnxAttrs attrs = onnx_conv_attrs(call);
  OnnxNames inputs = without_absent_bias(call);
  const Dims& stride = call.attrs.dims("stride");
  // ONNX Runtime takes less than a stride; more is as much of a larger x.
  Dims more = call.attrs.dims("output_padding"), pads(2 * (stride.size() + 2), 0);
  bool larger = false;
  for (std::size_t i = 0; i < stride.size(); ++i) {
    pads[stride.size() + 4 + i] = more[i] / stride[i];
    larger = larger || more[i] >= stride[i];
    more[i] %= stride[i];
  }
  if (larger)
    inputs[0] = writer.node("Pad", {inputs[0], onnx_dims(writer, pads),
                                    onnx_scalar(writer, 0, call.input_tensors[0].dtype())});
  attrs["output_padding"] = to_vector(more);
  return {writer.node("ConvTranspose", inputs, attrs)};
}

TensorList read_conv(const OnnxReader& node) {
  OnnxConv c(node);
  const Dims padding = onnx_padding(node, c.x, c.kernel, c.stride, c.dilation, 0, true);
  const auto run = c.axes == 1 ? conv1d : c.axes == 2 ? conv2d : conv3d;
  require<UnsupportedError>(c.axes <= 3,
                            "ONNX Conv: convolutions over 1 to 3 axes are supported, the weight is "
                            "{}",
                            describe(c.weight));
  return {run(c.x, c.weight, c.bias, c.stride, padding, c.dilation, c.groups)};
}

TensorList read_conv_transpose(const OnnxReader& node) {
  const OnnxConv c(node);
  const auto said = node.integers("output_padding", std::vector<std::int64_t>(c.axes, 0));
  const Dims output_padding(said.begin(), said.end());
  require_each_axis("ONNX ConvTranspose", "output_padding", output_padding, c.axes, 0);
  const Cuts cuts = read_cuts(node, c, output_padding);
  // The op cuts both sides alike; what one side cuts more is cut afterwards.
  Dims padding;
  for (std::size_t i = 0; i < c.axes; ++i)
    padding.push_back(std::min(cuts.before[i], cuts.after[i]));
  require<UnsupportedError>(c.axes <= 3,
                            "ONNX ConvTranspose: 1 to 3 axes are supported, the weight is {}",
                            describe(c.weight));
  const auto run = c.axes == 1   ? conv_transpose1d
                   : c.axes == 2 ? conv_transpose2d
                                 : conv_transpose3d;
  Tensor y = run(c.x, c.weight, c.bias, c.stride, padding, output_padding, c.dilation, c.groups);
  for (std::size_t i = 0; i < c.axes; ++i) {
    const std::int64_t before = cuts.before[i] - padding[i], after = cuts.after[i] - padding[i];
    if (before == 0 && after == 0) continue;
    const auto axis = static_cast<std::int64_t>(i) + 2;
    require<FormatError>(y.dim(axis) > before + after,
                         "ONNX ConvTranspose: pads of {} and {} leave nothing of axis {}",
                         cuts.before[i], cuts.after[i], axis);
    y = slice(y, axis, before, y.dim(axis) - after);
  }
  return {y};
}

}  // namespace athanor::ops
