#include "athanor/ops/core/volume.hpp"

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

Dims window_dims(std::string_view op, std::string_view name, const Dims& given, std::size_t axes,
                 std::int64_t least) {
  require(given.size() == axes, "{}: {} is {}; it must have {} value{}", op, name, to_string(given),
          axes, axes == 1 ? "" : "s");
  for (const std::int64_t v : given)
    require(v >= least, "{}: {} is {}; the least is {}", op, name, to_string(given), least);
  return given;
}

}  // namespace

Shape pooled_shape(std::string_view op, const TensorMeta& x, const Attrs& attrs, std::size_t axes) {
  require_rank(op, "x", x, static_cast<int>(axes) + 2);
  const Dims kernel = window_dims(op, "kernel", attrs.dims("kernel"), axes, 1),
             stride = window_dims(op, "stride", attrs.dims("stride"), axes, 1),
             padding = window_dims(op, "padding", attrs.dims("padding"), axes, 0);
  Shape shape{x.shape[0], x.shape[1]};
  for (std::size_t i = 0; i < axes; ++i) {
    require(2 * padding[i] <= kernel[i],
            "{}: padding {} is more than half the kernel {}; a window would hold nothing", op,
            padding[i], kernel[i]);
    const std::int64_t free = x.shape[i + 2] + 2 * padding[i] - kernel[i];
    require<ShapeError>(free >= 0,
                        "{}: a kernel of {} with padding {} does not fit into axis {} of x {}", op,
                        kernel[i], padding[i], i + 2, describe(x));
    shape.push_back(free / stride[i] + 1);
  }
  return shape;
}

Tensor pool_by_pictures(const Tensor& x, const Attrs& attrs, const PoolPictures& pool) {
  const Dims &k = attrs.dims("kernel"), &s = attrs.dims("stride"), &p = attrs.dims("padding");
  if (x.rank() == 3) return squeeze(pool(unsqueeze(x, {2}), {1, k[0]}, {1, s[0]}, {0, p[0]}), {2});
  const std::int64_t n = x.dim(0), c = x.dim(1), d = x.dim(2);
  // [N C, D, H, W]: every slice is a channel.
  Tensor y =
      pool(reshape(x, {n * c, d, x.dim(3), x.dim(4)}), {k[1], k[2]}, {s[1], s[2]}, {p[1], p[2]});
  const std::int64_t h = y.dim(2), w = y.dim(3);
  y = pool(reshape(y, {n, c, d, h * w}), {k[0], 1}, {s[0], 1}, {p[0], 0});
  return reshape(y, {n, c, y.dim(2), h, w});
}

std::vector<Sample> pool_samples(SampleMaker& m, std::size_t axes, bool distinct, bool count) {
  const auto x = [&](Shape shape) {
    while (shape.size() > axes + 2) shape.pop_back();
    return distinct ? m.distinct(shape) : m.tensor(shape);
  };
  const auto dims = [&](std::int64_t v) { return Dims(axes, v); };
  std::vector<Sample> samples{
      m.sample({x({2, 3, 6, 4, 5})}, {{"kernel", dims(2)}, {"stride", dims(2)}}),
      m.sample({x({1, 2, 5, 6, 4})},
               {{"kernel", dims(3)}, {"stride", dims(2)}, {"padding", dims(1)}}),
      m.sample({x({0, 2, 4, 4, 4})}, {{"kernel", dims(2)}, {"stride", dims(1)}})};
  if (count)
    samples.push_back(m.sample({x({2, 2, 4, 3, 5})}, {{"kernel", dims(2)},
                                                      {"stride", dims(1)},
                                                      {"padding", dims(1)},
                                                      {"count_include_pad", true}}));
  return samples;
}

std::vector<BadSample> bad_pools(const std::string& op, std::size_t axes) {
  const auto dims = [axes](std::int64_t v) { return Dims(axes, v); };
  const Shape small(axes + 2, 2);
  return {{op + ": a kernel of 3 with padding 0 does not fit into axis 2",
           [=](SampleMaker& m) {
             return m.sample({m.tensor(small)}, {{"kernel", dims(3)}, {"stride", dims(1)}});
           }},
          {"is more than half the kernel",
           [=](SampleMaker& m) {
             return m.sample({m.tensor(small)},
                             {{"kernel", dims(1)}, {"stride", dims(1)}, {"padding", dims(1)}});
           }},
          {op + ": stride is [0", [=](SampleMaker& m) {
             return m.sample({m.tensor(small)}, {{"kernel", dims(1)}, {"stride", dims(0)}});
           }}};
}

Tensor depth_slices(const Tensor& x, std::int64_t first, std::int64_t step, std::int64_t count) {
  const Tensor picked = slice(x, 2, first, first + (count - 1) * step + 1, step);
  return reshape(permute(picked, {0, 2, 1, 3, 4}),
                 {x.dim(0) * count, x.dim(1), x.dim(3), x.dim(4)});
}

Tensor from_slices(const Tensor& slices, std::int64_t depth) {
  return permute(
      reshape(slices, {slices.dim(0) / depth, depth, slices.dim(1), slices.dim(2), slices.dim(3)}),
      {0, 2, 1, 3, 4});
}

}  // namespace athanor::ops
