#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/sampling.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// Mirrored at low and high until it lies between.
Tensor reflected(const Tensor& p, double low, double high) {
  if (high <= low) return p * 0.0 + low;
  const double span = high - low;
  const Tensor d = abs(p - low);
  const Tensor turns = floor(d * (1 / span));
  const Tensor rest = d - turns * span;
  const Tensor odd = gt(turns - floor(turns * 0.5) * 2.0, Tensor::scalar(0.5, p.dtype()));
  return where(odd, high - rest, rest + low);
}

}  // namespace

ATH_OP(grid_sample,
       "(x, grid, mode: text = \"bilinear\", padding: text = \"zeros\", align_corners: flag = "
       "false) -> y") {
  op.doc =
      "x read at places between its pixels (Jaderberg et al. 2015), as "
      "torch.nn.functional.grid_sample. x: [N, C, H, W]; grid: [N, h, w, 2], column then row, -1 "
      "and "
      "1 the outer edges of the picture (with align_corners: the centres of its outer pixels); y: "
      "[N, C, h, w]. mode: bilinear or nearest. padding: what is outside is zeros, border (the "
      "nearest pixel) or reflection.";
  op.dtypes = dtype_bit(DType::f32) | dtype_bit(DType::f64);
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_rank("grid_sample", "x", in[0], 4);
    require_rank("grid_sample", "grid", in[1], 4);
    const Shape &x = in[0].shape, &g = in[1].shape;
    require<ShapeError>(g[0] == x[0] && g[3] == 2,
                        "grid_sample: grid must be [{}, h, w, 2], not {}", x[0], describe(in[1]));
    require<DTypeError>(in[1].dtype == in[0].dtype, "grid_sample: grid is {}, x is {}",
                        describe(in[1]), describe(in[0]));
    require<ShapeError>(x[2] >= 1 && x[3] >= 1, "grid_sample: x {} has no pixels", describe(in[0]));
    const std::string &mode = a.text("mode"), &padding = a.text("padding");
    require(mode == "bilinear" || mode == "nearest",
            "grid_sample: mode is \"{}\"; it can be bilinear, nearest", mode);
    require(padding == "zeros" || padding == "border" || padding == "reflection",
            "grid_sample: padding is \"{}\"; it can be zeros, border, reflection", padding);
    return MetaList{{{x[0], x[1], g[1], g[2]}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor& x = in[0];
    const bool corners = a.flag("align_corners");
    const std::string& padding = a.text("padding");
    const auto places = [&](std::int64_t which, std::int64_t size) {
      const Tensor g = squeeze(slice(in[1], 3, which, which + 1, 1), {3});
      const auto n = static_cast<double>(size);
      Tensor p = corners ? (g + 1.0) * ((n - 1) / 2) : (g + 1.0) * (n / 2) - 0.5;
      if (padding == "reflection")
        p = corners ? reflected(p, 0, n - 1) : reflected(p, -0.5, n - 0.5);
      if (padding != "zeros") p = clamp(p, 0.0, n - 1);
      return p;
    };
    const Tensor columns = places(0, x.dim(3)), rows = places(1, x.dim(2));
    const bool zeros = padding == "zeros";
    if (a.text("mode") == "nearest")
      return TensorList{picked(x, round(rows), round(columns), zeros)};
    return TensorList{bilinear(x, rows, columns, zeros)};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const auto text = [](const char* s) { return std::string(s); };
    // Places that are far from the kinks between pixels: sizes that no grid of this kind hits.
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 4, 5}), m.tensor({2, 3, 2, 2}, -0.93, 0.91)}),
        m.sample({m.tensor({1, 2, 3, 4}), m.tensor({1, 4, 3, 2}, -0.77, 0.83)},
                 {{"padding", text("border")}, {"align_corners", true}}),
        m.sample({m.tensor({1, 2, 5, 3}), m.tensor({1, 2, 3, 2}, -0.9, 0.9)},
                 {{"padding", text("reflection")}}),
        m.sample({m.tensor({1, 2, 4, 4}), m.tensor({1, 3, 3, 2}, -1.4, 1.4)},
                 {{"mode", text("nearest")}})};
  };
  op.bad = {
      {"grid must be [2, h, w, 2]",
       [](SampleMaker& m) { return m.sample({m.tensor({2, 1, 3, 3}), m.tensor({2, 3, 3, 3})}); }},
      {"mode is \"cubic\"; it can be bilinear, nearest",
       [](SampleMaker& m) {
         return m.sample({m.tensor({1, 1, 3, 3}), m.tensor({1, 3, 3, 2})},
                         {{"mode", std::string("cubic")}});
       }},
      {"padding is \"wrap\"", [](SampleMaker& m) {
         return m.sample({m.tensor({1, 1, 3, 3}), m.tensor({1, 3, 3, 2})},
                         {{"padding", std::string("wrap")}});
       }}};
}

}  // namespace athanor::ops
