#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "athanor/op/op.hpp"

namespace athanor::ops {

/// An equation of einsum for operands of given shapes. An axis of the ellipsis has the label '0',
/// '1', ... of its place counted from the right; a letter is its own label.
struct Einsum {
  std::vector<std::string> operands;  ///< the labels of each operand's axes
  std::string result;                 ///< of the result's axes
  Dims sizes = Dims(128, 1);          ///< by label

  std::int64_t size(char label) const { return sizes[static_cast<std::size_t>(label)]; }
  Shape shape(std::string_view labels) const;
};

/// Throws ValueError, ShapeError; the text names the equation and the letter.
Einsum parse_einsum(std::string_view equation, std::span<const TensorMeta> operands);

/// The value, by diagonals, sums and one matmul for each pair; the pair whose product is smallest
/// goes first.
Tensor run_einsum(const Einsum& e, std::span<const Tensor> operands);

}  // namespace athanor::ops
