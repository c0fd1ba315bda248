#include <algorithm>
#include <cmath>
#include <limits>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/resample.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// Which pixel ONNX Runtime takes for pixel i of an axis; it computes in float32.
std::int64_t onnx_nearest(std::int64_t i, std::int64_t in, std::int64_t out, double given,
                          const std::string& place, const std::string& rounding) {
  const auto at = static_cast<float>(i);
  const float scale =
      given > 0 ? static_cast<float>(given) : static_cast<float>(out) / static_cast<float>(in);
  float from = (at + 0.5F) / scale - 0.5F;
  if (place == "asymmetric") from = at / scale;
  if (place == "align_corners")
    from = out == 1 ? 0 : at * static_cast<float>(in - 1) / static_cast<float>(out - 1);
  if (place == "pytorch_half_pixel" && out == 1) from = 0;
  if (scale == 1 && place != "align_corners") from = at;
  float to = std::floor(from);
  if (rounding == "ceil") to = std::ceil(from);
  if (rounding == "round_prefer_floor") to = std::ceil(from - 0.5F);
  if (rounding == "round_prefer_ceil") to = std::floor(from + 0.5F);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(to), 0, in - 1);
}

// A node Resize, if it takes the same pixels as we; otherwise Gather does.
std::string write_nearest(OnnxWriter& w, const OnnxCall& call, const OnnxNames& resize,
                          const Dims& in, const Dims& out) {
  const bool exact = call.attrs.text("mode") == "nearest-exact";
  const std::string place = exact ? "half_pixel" : "asymmetric";
  const std::string rounding = exact ? "round_prefer_ceil" : "floor";
  const auto tables = resample_tables(in, out, call.attrs);
  bool same = true;
  for (std::size_t axis = 0; axis < in.size(); ++axis)
    for (std::int64_t i = 0; i < out[axis]; ++i)
      same &= tables[axis].place[static_cast<std::size_t>(i)] ==
              onnx_nearest(i, in[axis], out[axis], given_scale(call.attrs, axis, in.size()), place,
                           rounding);
  if (same)
    return w.node("Resize", resize,
                  {{"mode", std::string("nearest")},
                   {"coordinate_transformation_mode", place},
                   {"nearest_mode", rounding}});
  std::string y = resize[0];
  for (std::size_t axis = 0; axis < in.size(); ++axis)
    y = w.node("Gather", {y, onnx_dims(w, tables[axis].place)},
               {{"axis", static_cast<std::int64_t>(axis) + 2}});
  return y;
}

// Opset 17 has no antialias: the matrices stand in the model.
std::string write_matrices(OnnxWriter& w, const OnnxCall& call, const Dims& in, const Dims& out) {
  const auto tables = resample_tables(in, out, call.attrs);
  const DType dtype = call.input_tensors[0].dtype();
  const auto matrix = [&](const ResampleTable& t) { return w.constant(t.dense(dtype)); };
  std::string y = w.node("MatMul", {call.inputs[0], matrix(tables.back().transposed())});
  return tables.size() == 1 ? y : w.node("MatMul", {matrix(tables[0]), y});
}

OnnxNames write_resize(OnnxWriter& w, const OnnxCall& call) {
  const Shape &x = call.input_tensors[0].shape(), &y = call.output_tensors[0].shape();
  const Dims in(x.begin() + 2, x.end()), out(y.begin() + 2, y.end());
  const std::string& mode = call.attrs.text("mode");
  const bool align = call.attrs.flag("align_corners");
  bool scaled = false, sized = false;
  Tensor scales = Tensor::ones({x.size() == 3 ? 3 : 4}, DType::f32);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double scale = given_scale(call.attrs, i, in.size());
    (scale > 0 ? scaled : sized) = true;
    scales.data<float>()[i + 2] = static_cast<float>(scale);
    // A size that is not the scale's own cannot be said beside it.
    const auto rounded = std::floor(static_cast<float>(in[i]) * static_cast<float>(scale));
    sized |= static_cast<std::int64_t>(rounded) != out[i];
  }
  if (x[0] == kDynamic && !scaled) {
    bool exact = true;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const float scale = static_cast<float>(out[i]) / static_cast<float>(in[i]);
      scales.data<float>()[i + 2] = scale;
      exact &= static_cast<std::int64_t>(std::floor(static_cast<float>(in[i]) * scale)) == out[i];
    }
    scaled = exact, sized = !exact;
  }
  // ONNX moves pixels by the scale where the size stays, linear interpolation does not.
  bool still = false;
  for (std::size_t i = 0; i < in.size(); ++i)
    still |=
        mode.ends_with("linear") && in[i] == out[i] && given_scale(call.attrs, i, in.size()) > 0;
  const bool fits = (!still || align) && (!scaled || !sized || align);
  if (call.attrs.flag("antialias") || (!fits && !mode.starts_with("nearest")))
    return {write_matrices(w, call, in, out)};
  OnnxNames inputs{call.inputs[0], "", ""};
  if (scaled && !sized && (!align || x[0] == kDynamic)) {
    inputs[2] = w.constant(scales);
  } else if (x[0] == kDynamic) {
    // The batch's size is known only when the model runs.
    const std::string front = w.node(
        "Slice", {w.node("Shape", {call.inputs[0]}), onnx_dims(w, Dims{0}), onnx_dims(w, Dims{2})});
    inputs.push_back(w.node("Concat", {front, onnx_dims(w, out)}, {{"axis", std::int64_t{0}}}));
  } else {
    Dims sizes{x[0], x[1]};
    for (std::int64_t n : out) sizes.push_back(n);
    inputs.push_back(onnx_dims(w, sizes));
  }
  if (mode.starts_with("nearest")) return {write_nearest(w, call, inputs, in, out)};
  OnnxAttrs attrs{
      {"mode", std::string(mode == "bicubic" ? "cubic" : "linear")},
      {"coordinate_transformation_mode", std::string(align ? "align_corners" : "half_pixel")}};
  if (mode == "bicubic") attrs["cubic_coeff_a"] = -0.75;
  return {w.node("Resize", inputs, attrs)};
}

// The sizes and scales of a node behind [N, C].
struct ReadSizes {
  Dims size;
  double scale[2] = {0, 0};
};

ReadSizes read_sizes(const OnnxReader& node, const Tensor& x, int scales_at) {
  const auto given = [&](int i) {
    return node.input_count() > i && node.input(i).defined() && node.constant(i).count() > 0;
  };
  const bool by_scale = given(scales_at);
  require<FormatError>(by_scale || given(scales_at + 1), "ONNX {}: neither scales nor sizes",
                       node.type());
  const int from = by_scale ? scales_at : scales_at + 1;
  const auto values = node.constant(from).to_vector<double>();
  Dims axes;
  for (std::int64_t a : node.integers("axes", {}))
    axes.push_back(normalize_axis(a, x.rank(), "ONNX Resize"));
  if (axes.empty())
    for (std::int64_t i = 0; i < x.rank(); ++i) axes.push_back(i);
  require<FormatError>(values.size() == axes.size(), "ONNX {}: {} numbers for {} axes", node.type(),
                       values.size(), axes.size());
  require<UnsupportedError>(x.rank() == 3 || x.rank() == 4,
                            "ONNX {}: x has {} axes; [N, C, L] and [N, C, H, W] are supported",
                            node.type(), x.rank());
  ReadSizes out{Dims(x.shape().begin() + 2, x.shape().end()), {}};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    const double value = values[i], old = static_cast<double>(x.shape()[axis]);
    if (axis < 2) {
      require<UnsupportedError>(by_scale ? value == 1 : value == old || old < 0,
                                "ONNX {}: axis {} changes; only axes behind [N, C] can",
                                node.type(), axis);
      continue;
    }
    require<FormatError>(value > 0 && value < 2147483648.0,
                         "ONNX {}: {} {} for axis {}; it must be above 0 and below 2147483648",
                         node.type(), by_scale ? "scale" : "size", value, axis);
    const double wanted = by_scale ? std::floor(old * value) : value;
    require<FormatError>(wanted >= 1 && wanted < 2147483648.0,
                         "ONNX {}: axis {} of {} would become {}", node.type(), axis, old, wanted);
    out.size[axis - 2] = static_cast<std::int64_t>(wanted);
    if (by_scale) out.scale[axis - 2] = value;
  }
  return out;
}

TensorList read_nearest(const Tensor& x, const ReadSizes& to, const std::string& place,
                        const std::string& rounding) {
  const auto axes = to.size.size();
  const double height = axes == 2 ? to.scale[0] : 0, width = to.scale[axes - 1];
  const std::string mode = place == "asymmetric" && rounding == "floor" ? "nearest"
                           : place == "half_pixel" && rounding == "round_prefer_ceil"
                               ? "nearest-exact"
                               : "";
  Tensor y = x;
  bool same = !mode.empty();
  const Dims in(x.shape().begin() + 2, x.shape().end());
  std::vector<ResampleTable> tables;
  if (same)
    tables = resample_tables(
        in, to.size,
        registry()
            .find("interpolate")
            ->attrs({{"mode", mode}, {"height_scale", height}, {"width_scale", width}}));
  for (std::size_t i = 0; i < axes; ++i) {
    const Tensor index = Tensor::empty({to.size[i]}, DType::i64);
    for (std::int64_t k = 0; k < to.size[i]; ++k) {
      const std::int64_t from = onnx_nearest(k, in[i], to.size[i], to.scale[i], place, rounding);
      index.data<std::int64_t>()[k] = from;
      same = same && tables[i].place[static_cast<std::size_t>(k)] == from;
    }
    y = index_select(y, index, static_cast<std::int64_t>(i) + 2);
  }
  return {same ? interpolate(x, to.size, mode, false, false, height, width) : y};
}

TensorList read_resize(const OnnxReader& node) {
  const bool upsample = node.type() == "Upsample";
  const Tensor x = node.input(0);
  const ReadSizes to = read_sizes(node, x, upsample ? 1 : node.opset() < 11 ? 1 : 2);
  const bool old = upsample || node.opset() < 11;
  const std::string mode = node.text("mode", "nearest");
  const std::string place =
      node.text("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
  const std::string rounding = node.text("nearest_mode", old ? "floor" : "round_prefer_floor");
  require<UnsupportedError>(
      place == "half_pixel" || place == "pytorch_half_pixel" || place == "align_corners" ||
          (place == "asymmetric" && mode == "nearest"),
      "ONNX {}: coordinate_transformation_mode {} is not supported for mode {}; half_pixel, "
      "pytorch_half_pixel, align_corners and, for nearest, asymmetric are",
      node.type(), place, mode);
  require<UnsupportedError>(node.text("keep_aspect_ratio_policy", "stretch") == "stretch",
                            "ONNX {}: keep_aspect_ratio_policy {} is not supported; stretch is",
                            node.type(), node.text("keep_aspect_ratio_policy", "stretch"));
  const bool antialias = node.integer("antialias", 0) != 0;
  if (mode == "nearest") return read_nearest(x, to, place, rounding);
  require<UnsupportedError>(mode == "linear" || (mode == "cubic" && x.rank() == 4),
                            "ONNX {}: mode {} of {} axes is not supported; nearest, linear, and "
                            "cubic of 4 axes are",
                            node.type(), mode, x.rank());
  const double a = node.real("cubic_coeff_a", -0.75), expected = antialias ? -0.5 : -0.75;
  require<UnsupportedError>(
      mode == "linear" || (a == expected && node.integer("exclude_outside", 0) == antialias),
      "ONNX {}: cubic_coeff_a {} is not supported {} antialias; {} is, exclude_outside {}",
      node.type(), a, antialias ? "with" : "without", expected, antialias ? 1 : 0);
  require<UnsupportedError>(
      place != "pytorch_half_pixel" ||
          std::find(to.size.begin(), to.size.end(), 1) == to.size.end(),
      "ONNX {}: pytorch_half_pixel for a size of 1 is not supported; half_pixel is", node.type());
  require<UnsupportedError>(!antialias || x.rank() == 4,
                            "ONNX {}: antialias is supported for 4 axes, x has {}", node.type(),
                            x.rank());
  for (std::size_t i = 0; i < to.size.size(); ++i)
    require<UnsupportedError>(
        mode == "cubic" || place == "align_corners" || to.scale[i] == 0 || to.scale[i] == 1 ||
            to.size[i] != x.dim(static_cast<std::int64_t>(i) + 2),
        "ONNX {}: scale {} of axis {} leaves its size; sizes are supported there", node.type(),
        to.scale[i], i + 2);
  const std::string ours = mode == "cubic" ? "bicubic" : x.rank() == 3 ? "linear" : "bilinear";
  const bool align = place == "align_corners";
  const auto axes = to.size.size();
  return {interpolate(x, to.size, ours, align, antialias, axes == 2 && !align ? to.scale[0] : 0,
                      align ? 0 : to.scale[axes - 1])};
}

}  // namespace

OnnxMap onnx_resize() {
  return onnx_custom(write_resize, {{"Resize", read_resize}, {"Upsample", read_resize}});
}

}  // namespace athanor::ops
