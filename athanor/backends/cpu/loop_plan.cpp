#include "athanor/backends/cpu/loop_plan.hpp"

#include <algorithm>

namespace athanor::backends::cpu {

bool LoopPlan::is_scalar(std::size_t input) const {
  return std::all_of(strides[input].begin(), strides[input].end(),
                     [](std::int64_t s) { return s == 0; });
}

bool LoopPlan::is_periodic(std::size_t input) const {
  return std::all_of(strides[input].begin(), strides[input].end() - 1,
                     [](std::int64_t s) { return s == 0; });
}

std::int64_t offset_at(const Dims& shape, const Strides& strides, std::int64_t at) {
  std::int64_t offset = 0;
  for (std::size_t d = shape.size(); d-- > 0;) {
    offset += at % shape[d] * strides[d];
    at /= shape[d];
  }
  return offset;
}

LoopPlan make_plan(const Tensor& output, std::span<const Tensor> inputs) {
  LoopPlan plan;
  plan.count = output.count();
  const Shape& shape = output.shape();
  const std::size_t rank = shape.size();

  // Axes in the order of the output's memory, outermost first; axes of size 1 do not matter.
  SmallVector<std::size_t, 6> axes;
  for (std::size_t i = 0; i < rank; ++i) {
    if (shape[i] == 1) continue;
    axes.push_back(i);
    for (std::size_t k = axes.size() - 1;
         k > 0 && output.strides()[axes[k - 1]] < output.strides()[axes[k]]; --k)
      std::swap(axes[k - 1], axes[k]);
  }

  // Strides of the inputs and, last, of the output.
  SmallVector<Strides, 5> all(inputs.size() + 1);
  for (std::size_t k = 0; k <= inputs.size(); ++k) {
    const Tensor& t = k < inputs.size() ? inputs[k] : output;
    const std::size_t own = t.shape().size();
    ATH_ASSERT(own <= rank);
    for (const std::size_t axis : axes) {
      std::int64_t stride = 0;
      if (axis + own >= rank) {
        const std::size_t at = axis + own - rank;
        ATH_ASSERT(t.shape()[at] == shape[axis] || t.shape()[at] == 1);
        if (t.shape()[at] == shape[axis]) stride = t.strides()[at];
      }
      all[k].push_back(stride);
    }
  }

  // Merges an axis into the one outside it when every operand steps over both as over one.
  SmallVector<Strides, 5> merged(inputs.size() + 1);
  for (std::size_t d = 0; d < axes.size(); ++d) {
    const std::int64_t size = shape[axes[d]];
    bool joins = !plan.shape.empty();
    for (std::size_t k = 0; joins && k < all.size(); ++k)
      joins = merged[k].back() == all[k][d] * size;
    if (joins) {
      plan.shape.back() *= size;
      for (std::size_t k = 0; k < all.size(); ++k) merged[k].back() = all[k][d];
    } else {
      plan.shape.push_back(size);
      for (std::size_t k = 0; k < all.size(); ++k) merged[k].push_back(all[k][d]);
    }
  }
  if (plan.shape.empty()) {
    plan.shape = Dims{1};
    for (Strides& s : merged) s = Strides{1};
  }
  std::int64_t expected = 1;
  plan.output_dense = true;
  for (std::size_t d = plan.shape.size(); d-- > 0;) {
    plan.output_dense = plan.output_dense && merged.back()[d] == expected;
    expected *= plan.shape[d];
  }
  plan.output = std::move(merged.back());
  for (std::size_t k = 0; k < inputs.size(); ++k) plan.strides.push_back(std::move(merged[k]));
  return plan;
}

}  // namespace athanor::backends::cpu
