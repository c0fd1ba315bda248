#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// [H * W, 3]: column, row and 1 of every pixel's centre, from -1 to 1.
Tensor centre_grid(std::int64_t height, std::int64_t width, bool align, DType dtype) {
  const auto place = [&](std::int64_t i, std::int64_t size) {
    const auto n = static_cast<double>(size), at = static_cast<double>(i);
    if (align) return size == 1 ? 0 : 2 * at / (n - 1) - 1;
    return (2 * at + 1) / n - 1;
  };
  std::vector<double> values;
  for (std::int64_t i = 0; i < height; ++i)
    for (std::int64_t j = 0; j < width; ++j)
      values.insert(values.end(), {place(j, width), place(i, height), 1.0});
  return from_doubles(values, {height * width, 3}, dtype);
}

}  // namespace

ATH_OP(affine_grid, "(theta, size: dims, align_corners: flag = false) -> grid") {
  op.doc =
      "The grid with which grid_sample moves a picture by affine maps. theta: [N, 2, 3], size: the "
      "height h and width w of the result; grid: [N, h, w, 2], theta times (column, row, 1) of "
      "each pixel's centre.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const Dims& size = a.dims("size");
    require_rank("affine_grid", "theta", in[0], 3);
    require<ShapeError>(in[0].shape[1] == 2 && in[0].shape[2] == 3,
                        "affine_grid: theta is {}; it must be [N, 2, 3]", describe(in[0]));
    require(size.size() == 2 && size[0] >= 1 && size[1] >= 1,
            "affine_grid: size is {}; it must be a height and a width of at least 1",
            list_of(size));
    return MetaList{{{in[0].shape[0], size[0], size[1], 2}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Dims& size = a.dims("size");
    const Tensor centres = centre_grid(size[0], size[1], a.flag("align_corners"), in[0].dtype());
    const Tensor grid = matmul(centres, permute(in[0], {0, 2, 1}));
    return TensorList{reshape(grid, {in[0].dim(0), size[0], size[1], 2})};
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 2, 3})}, {{"size", Dims{3, 4}}}),
        m.sample({m.tensor({1, 2, 3})}, {{"size", Dims{2, 5}}, {"align_corners", true}}),
        m.sample({m.tensor({1, 2, 3})}, {{"size", Dims{1, 1}}, {"align_corners", true}}),
        m.sample({m.tensor({0, 2, 3})}, {{"size", Dims{2, 2}}})};
  };
  op.bad = {
      {"it must be [N, 2, 3]",
       [](SampleMaker& m) { return m.sample({m.tensor({1, 3, 3})}, {{"size", Dims{2, 2}}}); }},
      {"it must be a height and a width",
       [](SampleMaker& m) { return m.sample({m.tensor({1, 2, 3})}, {{"size", Dims{2}}}); }}};
}

}  // namespace athanor::ops
