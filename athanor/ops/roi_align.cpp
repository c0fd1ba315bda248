#include <cmath>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/sampling.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(roi_align,
       "(x, boxes, batch, size: dims, spatial_scale: real = 1, sampling_ratio: integer = 2, "
       "aligned: flag = true) -> y") {
  op.doc =
      "The parts of x within boxes, each as size[0] x size[1] means of bilinear samples (He et al. "
      "2017). x: [N, C, H, W]; boxes: [K, 4] as left, top, right, bottom in the picture's pixels, "
      "times spatial_scale in x's; batch: integers [K], the example of each box; y: [K, C, oh, "
      "ow]. "
      "sampling_ratio: samples along each side of a cell, at least 1. aligned: pixel centres lie "
      "at "
      "halves. As torchvision.ops.roi_align with a fixed ratio.";
  op.dtypes = dtype_bit(DType::f32) | dtype_bit(DType::f64);
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require_rank("roi_align", "x", in[0], 4);
    require_rank("roi_align", "boxes", in[1], 2);
    const Shape &x = in[0].shape, &b = in[1].shape;
    require<ShapeError>(b[1] == 4 && in[2].shape == Shape{b[0]},
                        "roi_align: boxes must be [K, 4] and batch [K], not {} and {}",
                        describe(in[1]), describe(in[2]));
    require<DTypeError>(in[1].dtype == in[0].dtype && !is_floating(in[2].dtype),
                        "roi_align: boxes {} must have x's dtype and batch {} integers",
                        describe(in[1]), describe(in[2]));
    require<ShapeError>(x[2] >= 1 && x[3] >= 1, "roi_align: x {} has no pixels", describe(in[0]));
    const Dims& size = a.dims("size");
    require(size.size() == 2 && size[0] >= 1 && size[1] >= 1,
            "roi_align: size is {}; it must be two numbers of at least 1", to_string(size));
    require(a.integer("sampling_ratio") >= 1, "roi_align: sampling_ratio is {}; the least is 1",
            a.integer("sampling_ratio"));
    return MetaList{{{b[0], x[1], size[0], size[1]}, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor &x = in[0], &boxes = in[1];
    const double scale = a.real("spatial_scale"), shift = a.flag("aligned") ? 0.5 : 0;
    const std::int64_t ratio = a.integer("sampling_ratio"), count = boxes.dim(0);
    const Dims& size = a.dims("size");
    const auto side = [&](std::int64_t i) {
      return squeeze(slice(boxes, 1, i, i + 1, 1), {1}) * scale - shift;
    };
    // Samples along an axis: [K, cells ratio].
    const auto samples = [&](std::int64_t low, std::int64_t high, std::int64_t cells) {
      const Tensor first = side(low);
      Tensor length = side(high) - first;
      if (!a.flag("aligned")) length = maximum(length, Tensor::scalar(1, length.dtype()));
      const Tensor step = cast(Tensor::arange(cells * ratio), x.dtype()) + 0.5;
      return unsqueeze(first, {1}) +
             unsqueeze(length, {1}) * step * (1.0 / static_cast<double>(cells * ratio));
    };
    const std::int64_t height = size[0] * ratio, width = size[1] * ratio;
    const Tensor rows = expand(unsqueeze(samples(1, 3, size[0]), {2}), {count, height, width});
    const Tensor columns = expand(unsqueeze(samples(0, 2, size[1]), {1}), {count, height, width});
    // A sample more than a pixel outside counts 0; one less far is moved to the edge.
    const auto edge = [&](const Tensor& p, std::int64_t pixels) {
      return clamp(p, 0.0, static_cast<double>(pixels - 1));
    };
    const auto outside = [&](const Tensor& p, std::int64_t pixels) {
      return logical_or(lt(p, Tensor::scalar(-1, p.dtype())),
                        gt(p, Tensor::scalar(static_cast<double>(pixels), p.dtype())));
    };
    const Tensor pictures = index_select(x, in[2]);
    Tensor y = bilinear(pictures, edge(rows, x.dim(2)), edge(columns, x.dim(3)));
    const Tensor away = logical_or(outside(rows, x.dim(2)), outside(columns, x.dim(3)));
    y = where(unsqueeze(away, {1}), Tensor::scalar(0, y.dtype()), y);
    y = reshape(y, {count, x.dim(1), size[0], ratio, size[1], ratio});
    return TensorList{mean(y, {3, 5})};
  };
  op.amp = Precision::run_f32;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const auto boxes = [&](std::vector<double> v) {
      return from_doubles(v, {static_cast<std::int64_t>(v.size()) / 4, 4}, m.dtype());
    };
    const auto numbers = [](std::vector<std::int64_t> v) {
      const auto n = static_cast<std::int64_t>(v.size());
      return Tensor::from(v, {n});
    };
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3, 6, 7}), boxes({0.3, 0.7, 4.9, 5.2, 1.1, 0.2, 6.1, 3.3}),
                  numbers({0, 1})},
                 {{"size", Dims{2, 3}}}),
        m.sample({m.tensor({1, 2, 5, 5}), boxes({1.3, 2.4, 7.7, 9.1}), numbers({0})},
                 {{"size", Dims{3, 2}},
                  {"spatial_scale", 0.5},
                  {"sampling_ratio", std::int64_t{1}},
                  {"aligned", false}})};
  };
  op.bad = {{"boxes must be [K, 4] and batch [K]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 3, 3}), m.tensor({2, 4}), m.integers({3}, 0, 1)},
                               {{"size", Dims{2, 2}}});
             }},
            {"sampling_ratio is 0; the least is 1", [](SampleMaker& m) {
               return m.sample({m.tensor({1, 1, 3, 3}), m.tensor({2, 4}), m.integers({2}, 0, 1)},
                               {{"size", Dims{2, 2}}, {"sampling_ratio", std::int64_t{0}}});
             }}};
}

}  // namespace athanor::ops
