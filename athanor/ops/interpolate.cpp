#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/resample.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(interpolate,
       "(x, size: dims = [], mode: text = \"nearest\", align_corners: flag = false, antialias: "
       "flag "
       "= false, height_scale: real = 0, width_scale: real = 0) -> y") {
  op.doc =
      "x in another size. x: [N, C, L] or [N, C, H, W]; size: the new L, or H and W; empty: the "
      "old sizes times the scales, rounded down. A scale that is given beside a size places the "
      "pixels, as it does alone. mode: nearest, nearest-exact (by the pixels' centres), linear (of "
      "[N, C, L]), bilinear, bicubic (Keys 1981, a = -0.75). align_corners: the outer pixels' "
      "centres fall on each other, instead of the outer edges. antialias: the filter (a = -0.5) "
      "widens when the picture shrinks, as Pillow's.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims size = resampled_size("interpolate", in[0], a, a.dims("size"));
    Shape shape{in[0].shape[0], in[0].shape[1]};
    for (std::int64_t n : size) shape.push_back(n);
    return MetaList{{shape, in[0].dtype}};
  };
  // A matrix for each axis.
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims size = resampled_size("interpolate", meta_of(in[0]), a, a.dims("size"));
    const Dims from(in[0].shape().begin() + 2, in[0].shape().end());
    const auto tables = resample_tables(from, size, a);
    const DType work = in[0].dtype() == DType::f64 ? DType::f64 : DType::f32;
    Tensor y = matmul(cast(in[0], work), permute(tables.back().dense(work), {1, 0}));
    if (size.size() == 2) y = matmul(tables[0].dense(work), y);
    return TensorList{cast(y, in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    const Shape& shape = v.meta(0).shape;
    return interpolate_grad(v.grad(), Dims(shape.begin() + 2, shape.end()), a.text("mode"),
                            a.flag("align_corners"), a.flag("antialias"), a.real("height_scale"),
                            a.real("width_scale"));
  };
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_resize();
  op.samples = [](SampleMaker& m) {
    const auto text = [](const char* mode) { return std::string(mode); };
    std::vector<Sample> samples{
        m.sample({m.tensor({2, 3, 5})}, {{"size", Dims{8}}, {"mode", text("linear")}}),
        m.sample({m.tensor({1, 2, 7})},
                 {{"size", Dims{3}}, {"mode", text("linear")}, {"align_corners", true}}),
        m.sample({m.tensor({2, 1, 6})}, {{"size", Dims{4}}}),
        m.sample({m.tensor({1, 2, 5})}, {{"width_scale", 1.7}, {"mode", text("nearest-exact")}}),
        m.sample({m.tensor({2, 2, 3, 4})}, {{"height_scale", 2.0}, {"width_scale", 2.0}}),
        m.sample({m.tensor({0, 2, 3, 4})}, {{"size", Dims{2, 2}}, {"mode", text("bilinear")}}),
        m.sample({m.tensor({1, 1, 4, 5})},
                 {{"size", Dims{1, 1}}, {"mode", text("bilinear")}, {"align_corners", true}}),
        m.sample({m.tensor({2, 1, 4, 5})},
                 {{"height_scale", 1.3}, {"width_scale", 0.7}, {"mode", text("bilinear")}}),
        m.sample({m.tensor({1, 2, 3, 4})},
                 {{"size", Dims{7, 7}}, {"mode", text("nearest-exact")}})};
    for (const char* mode : {"bilinear", "bicubic"})
      for (const bool align : {false, true})
        for (const bool antialias : {false, true}) {
          samples.push_back(m.sample({m.tensor({2, 2, 4, 7})}, {{"size", Dims{6, 3}},
                                                                {"mode", text(mode)},
                                                                {"align_corners", align},
                                                                {"antialias", antialias}}));
        }
    return samples;
  };
  const auto bad = [](const char* expected, Shape shape, Dims size, const char* mode,
                      bool align = false, bool antialias = false, double scale = 0) {
    return BadSample{expected, [=](SampleMaker& m) {
                       return m.sample({m.tensor(shape)}, {{"size", size},
                                                           {"mode", std::string(mode)},
                                                           {"align_corners", align},
                                                           {"antialias", antialias},
                                                           {"height_scale", scale},
                                                           {"width_scale", scale}});
                     }};
  };
  op.bad = {bad("it must be [N, C, L] or [N, C, H, W]", {2, 3}, {3}, "nearest"),
            bad("mode linear needs [N, C, L]", {1, 1, 2, 2}, {3, 3}, "linear"),
            bad("mode bicubic needs [N, C, H, W]", {1, 1, 2}, {3}, "bicubic"),
            bad("mode is \"area\"", {1, 1, 2}, {3}, "area"),
            bad("align_corners has a meaning for", {1, 1, 2}, {3}, "nearest", true),
            bad("antialias has a meaning for", {1, 1, 2}, {3}, "linear", false, true),
            bad("needs 2 numbers", {1, 1, 2, 2}, {3}, "nearest"),
            bad("it must be above 0 when there is no size", {1, 1, 2, 2}, {}, "nearest"),
            bad("the scale of axis 2 is -1", {1, 1, 2, 2}, {2, 2}, "nearest", false, false, -1),
            bad("both sizes must be at least 1", {1, 1, 2, 2}, {0, 2}, "nearest"),
            bad("longer than 2147483647", {1, 1, 2, 2}, {}, "nearest", false, false, 1e30)};
}

}  // namespace athanor::ops
