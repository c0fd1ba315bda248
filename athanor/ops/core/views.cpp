#include "athanor/ops/core/views.hpp"

namespace athanor::ops {

std::optional<Strides> view_strides(const Shape& from, const Strides& strides, const Shape& shape) {
  if (element_count(shape) == 0) return contiguous_strides(shape);
  // Groups of axes of `from` that lie in memory as one axis, from the innermost outwards; each must
  // be used up by axes of `shape`.
  Strides out(shape.size(), 1);
  std::size_t to = shape.size();
  std::size_t i = from.size();
  std::int64_t last_stride = 1;
  while (i > 0) {
    std::int64_t group = 1, base = 0;
    bool started = false;
    while (i > 0) {
      const std::int64_t size = from[i - 1], stride = strides[i - 1];
      if (size != 1) {
        if (started && stride != base * group) break;
        if (!started) base = stride, started = true;
        group *= size;
      }
      --i;
    }
    if (!started) break;
    std::int64_t filled = 1;
    while (to > 0 && filled < group) {
      out[to - 1] = base * filled;
      filled *= shape[to - 1];
      --to;
    }
    if (filled != group) return std::nullopt;
    last_stride = base * group;
  }
  while (to > 0) out[--to] = last_stride;  // what is left has size 1
  return out;
}

}  // namespace athanor::ops
