#pragma once

#include "athanor/tensor/tensor.hpp"

namespace athanor::backends::cpu {

/// Copies the elements of `from` to `to` (same shape and dtype, any strides, negative ones too) on
/// all compute threads. Transposing copies go through square tiles.
void copy_strided(const Tensor& from, const Tensor& to);

/// A row-major copy; the tensor itself when it is row-major already.
Tensor row_major(const Tensor& t);

}  // namespace athanor::backends::cpu
