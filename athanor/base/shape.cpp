#include "athanor/base/shape.hpp"

#include "athanor/base/error.hpp"

namespace athanor {

namespace {

// The checks below stand on the path of every op: their texts are made only when they fail.
std::int64_t times(std::int64_t count, std::int64_t d, std::span<const std::int64_t> shape) {
  if (__builtin_mul_overflow(count, d, &count) || count > std::int64_t{1} << 62) [[unlikely]]
    raise<ShapeError>("shape {} has more than 2^62 elements", to_string(shape));
  return count;
}

}  // namespace

std::int64_t element_count(std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  bool zero = false;
  for (std::int64_t d : shape) {
    if (d < 0) [[unlikely]]
      raise<ShapeError>("shape {} has no element count: a dimension is {}", to_string(shape), d);
    zero = zero || d == 0;
    if (d != 0) count = times(count, d, shape);
  }
  return zero ? 0 : count;
}

bool is_dynamic(std::span<const std::int64_t> shape) {
  for (std::int64_t d : shape)
    if (d == kDynamic) return true;
  return false;
}

bool is_batch_shape(std::span<const std::int64_t> shape) {
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] < 0 && !(i == 0 && shape[i] == kDynamic)) return false;
  return true;
}

Strides contiguous_strides(std::span<const std::int64_t> shape) {
  Strides strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = times(strides[i], std::max<std::int64_t>(shape[i], 1), shape);
  return strides;
}

Strides channels_last_strides(std::span<const std::int64_t> shape) {
  Strides strides(shape.size(), 1);
  std::int64_t step = shape[1];
  for (std::size_t i = shape.size(); i-- > 2;) {
    strides[i] = step;
    step = times(step, std::max<std::int64_t>(shape[i], 1), shape);
  }
  strides[0] = step;
  return strides;
}

Shape broadcast_shapes(std::span<const std::int64_t> a, std::span<const std::int64_t> b,
                       std::string_view op) {
  const std::size_t rank = std::max(a.size(), b.size());
  Shape out(rank, 1);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) [[unlikely]]
      raise<ShapeError>("{}: shapes {} and {} do not broadcast: {} against {} in dimension {}", op,
                        to_string(a), to_string(b), x, y, -static_cast<int>(i) - 1);
    out[rank - 1 - i] = x == 1 ? y : x;
  }
  return out;
}

std::int64_t normalize_axis(std::int64_t axis, std::int64_t rank, std::string_view op) {
  require<IndexError>(axis >= -rank && axis < rank,
                      "{}: axis {} is outside [{}, {}) of a tensor of rank {}", op, axis, -rank,
                      rank, rank);
  return axis < 0 ? axis + rank : axis;
}

std::string to_string(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i) out += ",";
    out += shape[i] == kDynamic ? std::string("?") : std::to_string(shape[i]);
  }
  return out + "]";
}

}  // namespace athanor
