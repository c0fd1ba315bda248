#include "athanor/backends/cpu/lines.hpp"

namespace athanor::backends::cpu {

Lines::Lines(const Tensor& t, std::int64_t axis) {
  if (axis < 0) axis += t.rank();
  for (std::int64_t i = 0; i < t.rank(); ++i) {
    const std::int64_t size = t.shape()[static_cast<std::size_t>(i)];
    const std::int64_t step = t.strides()[static_cast<std::size_t>(i)];
    if (i == axis) {
      length = size;
      stride = size == 1 ? 1 : step;
      continue;
    }
    count *= size;
    if (size == 1) continue;
    if (!axes_.empty() && axes_.back().stride == step * size) {
      axes_.back() = {axes_.back().size * size, step};
    } else {
      axes_.push_back({size, step});
    }
  }
}

}  // namespace athanor::backends::cpu
