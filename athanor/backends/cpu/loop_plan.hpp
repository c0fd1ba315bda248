#pragma once

#include <span>

#include "athanor/tensor/tensor.hpp"

namespace athanor::backends::cpu {

/// How a pointwise kernel walks its operands: in the memory order of the output, with dimensions
/// that lie behind one another in every operand merged into one.
struct LoopPlan {
  std::int64_t count = 0;
  Dims shape;                       ///< outermost first; at least one dimension
  SmallVector<Strides, 4> strides;  ///< of each input, in elements; 0 where it is broadcast
  Strides output;                   ///< strides of the output
  bool output_dense = false;        ///< the output is one block in the order of the walk

  std::int64_t inner() const { return shape.back(); }
  /// True if the position in the walk is the input's position in memory.
  bool is_dense(std::size_t input) const { return shape.size() == 1 && strides[input][0] == 1; }
  /// True if the input is one value.
  bool is_scalar(std::size_t input) const;
  /// True if the input repeats itself with every row of the walk.
  bool is_periodic(std::size_t input) const;
};

/// Position in memory of walk position `at`, relative to the first element.
std::int64_t offset_at(const Dims& shape, const Strides& strides, std::int64_t at);

/// The inputs broadcast to the output's shape. Throws InternalError when they do not.
LoopPlan make_plan(const Tensor& output, std::span<const Tensor> inputs);

}  // namespace athanor::backends::cpu
