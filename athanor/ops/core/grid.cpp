#include "athanor/ops/core/grid.hpp"

#include <algorithm>

#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// One axis of x: where the grid points on it.
struct GridAxis {
  std::int64_t size;
  bool align;
  std::string padding;

  // From [-1, 1] to pixels. Farther than any picture, and no number, becomes a place outside.
  Tensor pixels(const Tensor& g) const {
    const double n = static_cast<double>(size);
    const Tensor at = align ? (g + 1.0) * ((n - 1) / 2) : ((g + 1.0) * n - 1.0) * 0.5;
    return clamp(where(is_nan(at), number_like(-1, at), at), -1073741824.0, 1073741824.0);
  }

  // The place inside that stands for one outside; zeros has none.
  Tensor folded(const Tensor& at) const {
    const double last = static_cast<double>(size) - 1;
    if (padding == "zeros") return at;
    if (padding == "border") return clamp(at, 0, last);
    const double low = align ? 0 : -0.5, span = align ? last : last + 1;
    if (span == 0) return at * 0.0;
    const Tensor turn = mod(abs(at - low), number_like(2 * span, at));
    return clamp(span - abs(turn - span) + low, 0, last);
  }
};

// x's pixels [N * H * W, C], of which each [N, h, w] place takes one.
struct GridPixels {
  Tensor rows;
  std::int64_t batch, height, width;

  explicit GridPixels(const Tensor& x)
      : rows(reshape(permute(x, {0, 2, 3, 1}), {x.dim(0) * x.dim(2) * x.dim(3), x.dim(1)})),
        batch(x.dim(0)),
        height(x.dim(2)),
        width(x.dim(3)) {}

  // [N, h, w, C]: the pixels at whole places, 0 outside.
  Tensor at(const Tensor& i, const Tensor& j) const {
    const double down = static_cast<double>(height) - 1, across = static_cast<double>(width) - 1;
    const Tensor inside =
        logical_and(logical_and(ge(i, number_like(0, i)), le(i, number_like(down, i))),
                    logical_and(ge(j, number_like(0, j)), le(j, number_like(across, j))));
    const Tensor first = Tensor::empty({batch, 1, 1}, DType::i64);
    for (std::int64_t n = 0; n < batch; ++n) first.data<std::int64_t>()[n] = n * height * width;
    const Tensor place = first + cast(clamp(i, 0, down), DType::i64) * static_cast<double>(width) +
                         cast(clamp(j, 0, across), DType::i64);
    Shape shape = place.shape();
    const Tensor values = index_select(rows, reshape(place, {place.count()}), 0);
    shape.push_back(rows.dim(1));
    return reshape(values, shape) * unsqueeze(cast(inside, rows.dtype()), {3});
  }
};

// The cubic convolution (Keys 1981, a = -0.75) of the taps -1 ... 2 around a fraction.
Tensor cubic_weight(const Tensor& t, int tap) {
  constexpr double a = -0.75;
  const Tensor x = abs(t - static_cast<double>(tap));
  if (tap == 0 || tap == 1) return ((a + 2) * x - (a + 3)) * x * x + 1.0;
  return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
}

Tensor weighted(const Tensor& pixels, const Tensor& weight) {
  return pixels * unsqueeze(weight, {3});
}

}  // namespace

Tensor sample_grid(const Tensor& x, const Tensor& grid, const Attrs& attrs) {
  const bool align = attrs.flag("align_corners");
  const GridAxis down{x.dim(2), align, attrs.text("padding")};
  const GridAxis across{x.dim(3), align, attrs.text("padding")};
  const GridPixels pixels(x);
  const auto coordinate = [&](std::int64_t k) { return squeeze(slice(grid, 3, k, k + 1), {3}); };
  Tensor i = down.pixels(coordinate(1)), j = across.pixels(coordinate(0));
  const std::string& mode = attrs.text("mode");
  if (mode != "bicubic") i = down.folded(i), j = across.folded(j);
  if (mode == "nearest") return permute(pixels.at(round(i), round(j)), {0, 3, 1, 2});
  const Tensor top = floor(i), left = floor(j), y = i - top, z = j - left;
  const bool cubic = mode == "bicubic";
  Tensor total;
  for (int p = cubic ? -1 : 0; p <= (cubic ? 2 : 1); ++p)
    for (int q = cubic ? -1 : 0; q <= (cubic ? 2 : 1); ++q) {
      Tensor row = top + static_cast<double>(p), column = left + static_cast<double>(q);
      if (cubic) row = down.folded(row), column = across.folded(column);
      const Tensor weight = cubic ? cubic_weight(y, p) * cubic_weight(z, q)
                                  : (p == 0 ? 1.0 - y : y) * (q == 0 ? 1.0 - z : z);
      const Tensor part = weighted(pixels.at(row, column), weight);
      total = total.defined() ? total + part : part;
    }
  return permute(total, {0, 3, 1, 2});
}

}  // namespace athanor::ops
