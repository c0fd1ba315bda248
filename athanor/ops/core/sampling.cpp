#include "athanor/ops/core/sampling.hpp"

#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// x at whole places (floating numbers).
Tensor picked(const Tensor& x, const Tensor& rows, const Tensor& columns) {
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
  return reshape(gather(reshape(x, {n, c, h * w}), index, 2), shape);
}

}  // namespace

Tensor bilinear(const Tensor& x, const Tensor& rows, const Tensor& columns) {
  const Tensor top = floor(rows), left = floor(columns);
  const Tensor down = rows - top, right = columns - left;
  Tensor y;
  for (const int i : {0, 1})
    for (const int j : {0, 1}) {
      const Tensor weight = (i ? down : 1.0 - down) * (j ? right : 1.0 - right);
      const Tensor part = picked(x, top + static_cast<double>(i), left + static_cast<double>(j)) *
                          unsqueeze(cast(weight, x.dtype()), {1});
      y = y.defined() ? y + part : part;
    }
  return y;
}

}  // namespace athanor::ops
