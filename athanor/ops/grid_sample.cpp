#include "athanor/ops/core/grid.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(grid_sample,
       "(x, grid, mode: text = \"bilinear\", padding: text = \"zeros\", align_corners: flag = "
       "false) -> y") {
  op.doc =
      "x at the places a grid names (Jaderberg et al. 2015). x: [N, C, H, W], grid: [N, h, w, 2], "
      "the column and the row, -1 for the left and top end, 1 for the right and bottom; y: [N, C, "
      "h, w]. align_corners: these ends are the outer pixels' centres, otherwise their outer "
      "edges. mode: bilinear, nearest (a tie goes to the even pixel), bicubic (Keys 1981, a = "
      "-0.75). padding, for places outside: zeros, border (the nearest pixel), reflection.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta &x = in[0], &grid = in[1];
    require_rank("grid_sample", "x", x, 4);
    require_rank("grid_sample", "grid", grid, 4);
    require_same_dtype("grid_sample", "x", x, "grid", grid);
    constexpr std::string_view kGridModes[] = {"bilinear", "nearest", "bicubic"};
    constexpr std::string_view kGridPaddings[] = {"zeros", "border", "reflection"};
    require_choice("grid_sample", "mode", a.text("mode"), kGridModes);
    require_choice("grid_sample", "padding", a.text("padding"), kGridPaddings);
    require<ShapeError>(grid.shape[3] == 2 && grid.shape[0] == x.shape[0],
                        "grid_sample: grid {} must be [N, h, w, 2] with the N of x {}",
                        describe(grid), describe(x));
    require<ShapeError>(x.shape[2] != 0 && x.shape[3] != 0,
                        "grid_sample: x {} has no pixels; height and width must be at least 1",
                        describe(x));
    return MetaList{{{x.shape[0], x.shape[1], grid.shape[1], grid.shape[2]}, x.dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType work = in[0].dtype() == DType::f64 ? DType::f64 : DType::f32;
    return TensorList{
        contiguous(cast(sample_grid(cast(in[0], work), cast(in[1], work), a), in[0].dtype()))};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{w.node(
            "GridSample", call.inputs,
            {{"mode", call.attrs.text("mode")},
             {"padding_mode", call.attrs.text("padding")},
             {"align_corners", static_cast<std::int64_t>(call.attrs.flag("align_corners"))}})};
      },
      {{"GridSample", [](const OnnxReader& node) {
          std::string mode = node.text("mode", node.opset() < 20 ? "bilinear" : "linear");
          if (mode == "linear") mode = "bilinear";
          if (mode == "cubic") mode = "bicubic";
          return TensorList{grid_sample(node.input(0), node.input(1), mode,
                                        node.text("padding_mode", "zeros"),
                                        node.integer("align_corners", 0) != 0)};
        }}});
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const char* mode : {"bilinear", "nearest", "bicubic"})
      for (const char* padding : {"zeros", "border", "reflection"})
        for (const bool align : {false, true}) {
          // Places between the pixels' centres and their edges, where the value has no kink: of 5
          // columns and 3 rows, some outside.
          const Tensor grid = m.tensor({2, 2, 3, 2});
          const Tensor at = Tensor::empty({2, 2, 3, 2}, DType::f64);
          const auto drawn = grid.to_vector<double>();
          for (std::size_t i = 0; i < drawn.size(); ++i) {
            const double size = i % 2 == 0 ? 5 : 3, wide = align ? size - 1 : size;
            const double whole = static_cast<double>((i * 7) % 9) - 2;
            const double pixel = whole + 0.1 + 0.15 * (drawn[i] + 1);
            at.data<double>()[i] = (align ? pixel : pixel + 0.5) * 2 / wide - 1;
          }
          samples.push_back(m.sample({m.tensor({2, 2, 3, 5}), cast(at, m.dtype())},
                                     {{"mode", std::string(mode)},
                                      {"padding", std::string(padding)},
                                      {"align_corners", align}}));
        }
    samples.push_back(m.sample({m.tensor({0, 2, 3, 4}), m.tensor({0, 2, 2, 2})}));
    samples.push_back(m.sample({m.tensor({1, 2, 3, 4}), m.tensor({1, 0, 2, 2})}));
    return samples;
  };
  const auto bad = [](const char* expected, Shape x, Shape grid, const char* mode,
                      const char* padding) {
    return BadSample{expected, [=](SampleMaker& m) {
                       return m.sample(
                           {m.tensor(x), m.tensor(grid)},
                           {{"mode", std::string(mode)}, {"padding", std::string(padding)}});
                     }};
  };
  op.bad = {bad("must be [N, h, w, 2]", {1, 1, 2, 2}, {1, 2, 2, 3}, "nearest", "zeros"),
            bad("with the N of x", {2, 1, 2, 2}, {1, 2, 2, 2}, "nearest", "zeros"),
            bad("has no pixels", {1, 1, 0, 2}, {1, 2, 2, 2}, "nearest", "zeros"),
            bad("mode is \"cubic\"", {1, 1, 2, 2}, {1, 2, 2, 2}, "cubic", "zeros"),
            bad("padding is \"wrap\"", {1, 1, 2, 2}, {1, 2, 2, 2}, "nearest", "wrap"),
            bad("must have 4 dimensions", {1, 2, 2}, {1, 2, 2, 2}, "nearest", "zeros")};
}

}  // namespace athanor::ops
