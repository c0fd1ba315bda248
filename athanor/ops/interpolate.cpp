#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/sampling.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// Output sizes of the axes behind N and C.
Dims sizes_of(const TensorMeta& x, const Attrs& a) {
  const std::string& mode = a.text("mode");
  require(mode == "nearest" || mode == "nearest-exact" || mode == "linear" || mode == "cubic",
          "interpolate: mode is \"{}\"; it can be nearest, nearest-exact, linear, cubic", mode);
  require<ShapeError>(x.shape.size() >= 3 && x.shape.size() <= 5,
                      "interpolate: x must be [N, C, L], [N, C, H, W] or [N, C, D, H, W], not {}",
                      describe(x));
  const std::size_t axes = x.shape.size() - 2;
  Dims size = a.dims("size");
  const double scale = a.real("scale");
  require(size.empty() != (scale == 0),
          "interpolate: give either size (one for each of {} axes) or scale", axes);
  if (size.empty()) {
    require(scale > 0, "interpolate: scale is {}, it must be positive", scale);
    for (std::size_t i = 0; i < axes; ++i)
      size.push_back(
          static_cast<std::int64_t>(std::floor(static_cast<double>(x.shape[i + 2]) * scale)));
  }
  require(size.size() == axes, "interpolate: size is {}; x has {} axes behind N and C",
          to_string(size), axes);
  for (std::size_t i = 0; i < axes; ++i)
    require<ShapeError>(size[i] >= 1 && x.shape[i + 2] >= 1,
                        "interpolate: axis {} would go from {} to {} elements", i + 2,
                        x.shape[i + 2], size[i]);
  return size;
}

Tensor resized(const Tensor& x, std::int64_t axis, const ResizeTable& t, std::int64_t size) {
  const auto column = [&](std::int64_t k) {
    std::vector<std::int64_t> places;
    std::vector<double> weights;
    for (std::int64_t i = 0; i < size; ++i) {
      places.push_back(t.places[static_cast<std::size_t>(i * t.taps + k)]);
      weights.push_back(t.weights[static_cast<std::size_t>(i * t.taps + k)]);
    }
    return std::pair{Tensor::from(places, {size}), weights};
  };
  Tensor y;
  for (std::int64_t k = 0; k < t.taps; ++k) {
    const auto [places, weights] = column(k);
    Tensor part = index_select(x, places, axis);
    if (t.taps > 1) {
      Shape shape(static_cast<std::size_t>(x.rank()), 1);
      shape[static_cast<std::size_t>(axis)] = size;
      part = part * from_doubles(weights, shape, x.dtype());
    }
    y = y.defined() ? y + part : part;
  }
  return y;
}

}  // namespace

ATH_OP(
    interpolate,
    "(x, size: dims = [], scale: real = 0, mode: text = \"nearest\", align_corners: flag = false, "
    "antialias: flag = false) -> y") {
  op.doc =
      "x resized along the axes behind N and C to `size`, or by `scale`, as "
      "torch.nn.functional.interpolate: nearest, nearest-exact, linear (bilinear, trilinear), or "
      "cubic (Keys 1981, a = -0.75). align_corners: first and last elements keep their places. "
      "antialias: linear and cubic take all that a window of the output covers, as Pillow.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    Shape shape{in[0].shape.empty() ? 0 : in[0].shape[0]};
    const Dims sizes = sizes_of(in[0], a);
    shape.push_back(in[0].shape[1]);
    for (const std::int64_t s : sizes) shape.push_back(s);
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims sizes = sizes_of(meta_of(in[0]), a);
    const ResizeRule rule{a.text("mode"), a.flag("align_corners"), a.flag("antialias"),
                          a.real("scale")};
    Tensor y = in[0];
    for (std::size_t i = sizes.size(); i-- > 0;) {
      const auto axis = static_cast<std::int64_t>(i) + 2;
      y = resized(y, axis, resize_table(rule, y.dim(axis), sizes[i]), sizes[i]);
    }
    return TensorList{y};
  };
  op.amp = Precision::run_f32;
  op.layout = Layout::kernel;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const auto text = [](const char* s) { return std::string(s); };
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 4, 5})}, {{"size", Dims{6, 3}}}),
        m.sample({m.tensor({1, 2, 5})}, {{"scale", 1.7}, {"mode", text("nearest-exact")}}),
        m.sample({m.tensor({1, 2, 4, 3})}, {{"size", Dims{7, 6}}, {"mode", text("linear")}}),
        m.sample({m.tensor({1, 2, 4, 3})},
                 {{"size", Dims{6, 5}}, {"mode", text("linear")}, {"align_corners", true}}),
        m.sample({m.tensor({1, 2, 5, 4})}, {{"scale", 1.6}, {"mode", text("cubic")}}),
        m.sample({m.tensor({1, 2, 9, 8})},
                 {{"size", Dims{4, 3}}, {"mode", text("linear")}, {"antialias", true}}),
        m.sample({m.tensor({1, 1, 9, 8})},
                 {{"size", Dims{5, 10}}, {"mode", text("cubic")}, {"antialias", true}}),
        m.sample({m.tensor({1, 1, 3, 2, 3})}, {{"size", Dims{2, 3, 4}}, {"mode", text("linear")}})};
  };
  op.bad = {
      {"mode is \"bilinear\"; it can be nearest",
       [](SampleMaker& m) {
         return m.sample({m.tensor({1, 1, 2, 2})},
                         {{"size", Dims{2, 2}}, {"mode", std::string("bilinear")}});
       }},
      {"give either size", [](SampleMaker& m) { return m.sample({m.tensor({1, 1, 2, 2})}); }},
      {"size is [2]; x has 2 axes",
       [](SampleMaker& m) { return m.sample({m.tensor({1, 1, 2, 2})}, {{"size", Dims{2}}}); }},
      {"axis 2 would go from 2 to 0 elements",
       [](SampleMaker& m) { return m.sample({m.tensor({1, 1, 2, 2})}, {{"size", Dims{0, 2}}}); }}};
}

}  // namespace athanor::ops
