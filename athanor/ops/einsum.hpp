#pragma once

#include <string_view>

#include "athanor/tensor/tensor.hpp"

namespace athanor::ops {

/// Sums of products by Einstein's rule, as numpy.einsum: "ij,jk->ik". Letters of one operand may
/// repeat (a diagonal), "..." stands for axes that broadcast, and without "->" the letters that
/// stand once are kept in alphabetical order. Two operands at a time become one batched matrix
/// product, the cheapest pair first. Throws ValueError for an equation that cannot be read,
/// ShapeError, DTypeError for operands that do not fit it.
Tensor einsum(std::string_view equation, std::span<const Tensor> operands);

}  // namespace athanor::ops
