#include "athanor/ops/core/sampling.hpp"

#include <cmath>

#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

double cubic(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// Every tap of the window that a filter of this support has over the input (Pillow's way).
ResizeTable antialiased(const ResizeRule& rule, std::int64_t in, std::int64_t out, double scale) {
  const bool linear = rule.mode == "linear";
  const double wide = std::max(scale, 1.0), support = (linear ? 1.0 : 2.0) * wide;
  ResizeTable t;
  t.taps = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = scale * (static_cast<double>(i) + 0.5);
    const auto low = std::max<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0);
    const auto high = std::min<std::int64_t>(static_cast<std::int64_t>(centre + support + 0.5), in);
    std::vector<double> w;
    double total = 0;
    for (std::int64_t k = 0; k < t.taps; ++k) {
      const double x = (static_cast<double>(low + k) - centre + 0.5) / wide;
      const double value = low + k >= high ? 0
                           : linear        ? std::max(0.0, 1 - std::abs(x))
                                           : cubic(x, -0.5);
      w.push_back(value);
      total += value;
    }
    for (std::int64_t k = 0; k < t.taps; ++k) {
      t.places.push_back(std::min(low + k, in - 1));
      t.weights.push_back(total == 0 ? 0 : w[static_cast<std::size_t>(k)] / total);
    }
  }
  return t;
}

}  // namespace

ResizeTable resize_table(const ResizeRule& rule, std::int64_t in, std::int64_t out) {
  const double sizes = static_cast<double>(in) / static_cast<double>(out);
  const double scale =
      rule.align_corners
          ? (out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0)
      : rule.scale > 0 ? 1 / rule.scale
                       : sizes;
  if (rule.antialias && rule.mode != "nearest" && rule.mode != "nearest-exact")
    return antialiased(rule, in, out, scale);
  ResizeTable t;
  const auto inside = [in](std::int64_t p) { return std::clamp<std::int64_t>(p, 0, in - 1); };
  for (std::int64_t i = 0; i < out; ++i) {
    const auto at = static_cast<double>(i);
    if (rule.mode == "nearest" || rule.mode == "nearest-exact") {
      t.taps = 1;
      const double place = (at + (rule.mode == "nearest" ? 0 : 0.5)) * scale;
      t.places.push_back(inside(static_cast<std::int64_t>(std::floor(place))));
      t.weights.push_back(1);
      continue;
    }
    double place = rule.align_corners ? at * scale : (at + 0.5) * scale - 0.5;
    if (rule.mode == "linear") {
      t.taps = 2;
      place = std::max(place, 0.0);
      const auto low = static_cast<std::int64_t>(place);
      t.places.insert(t.places.end(), {inside(low), inside(low + 1)});
      const double rest = std::min(place - static_cast<double>(low), 1.0);
      t.weights.insert(t.weights.end(), {1 - rest, rest});
      continue;
    }
    t.taps = 4;
    const auto low = static_cast<std::int64_t>(std::floor(place));
    const double rest = place - static_cast<double>(low);
    for (std::int64_t k = -1; k <= 2; ++k) {
      t.places.push_back(inside(low + k));
      t.weights.push_back(cubic(static_cast<double>(k) - rest, -0.75));
    }
  }
  return t;
}

Tensor picked(const Tensor& x, const Tensor& rows, const Tensor& columns, bool zeros) {
  const std::int64_t n = x.dim(0), c = x.dim(1), h = x.dim(2), w = x.dim(3);
  const auto number = [&](std::int64_t v) {
    return Tensor::scalar(static_cast<double>(v), rows.dtype());
  };
  const auto inside = [&](const Tensor& p, std::int64_t size) {
    return minimum(maximum(p, number(0)), number(size - 1));
  };
  const Tensor row = inside(rows, h), column = inside(columns, w);
  const Tensor place = cast(row * static_cast<double>(w) + column, DType::i64);
  Shape shape = rows.shape();
  shape.insert(shape.begin() + 1, c);
  std::int64_t count = 1;
  for (std::size_t d = 2; d < shape.size(); ++d) count *= shape[d];
  const Tensor index = expand(reshape(place, {n, 1, count}), {n, c, count});
  const Tensor values = reshape(gather(reshape(x, {n, c, h * w}), index, 2), shape);
  if (!zeros) return values;
  const Tensor out = logical_or(ne(row, rows), ne(column, columns));
  return where(unsqueeze(out, {1}), Tensor::scalar(0, x.dtype()), values);
}

Tensor bilinear(const Tensor& x, const Tensor& rows, const Tensor& columns, bool zeros) {
  const Tensor top = floor(rows), left = floor(columns);
  const Tensor down = rows - top, right = columns - left;
  Tensor y;
  for (const int i : {0, 1})
    for (const int j : {0, 1}) {
      const Tensor weight = (i ? down : 1.0 - down) * (j ? right : 1.0 - right);
      const Tensor part =
          picked(x, top + static_cast<double>(i), left + static_cast<double>(j), zeros) *
          unsqueeze(cast(weight, x.dtype()), {1});
      y = y.defined() ? y + part : part;
    }
  return y;
}

}  // namespace athanor::ops
