#pragma once

#include "athanor/tensor/tensor.hpp"

namespace athanor::backends::cpu {

/// Copies elements between tensors of one shape with any strides and dtypes (convert_element's
/// rules), on all threads. `to` is written without a new version of its storage.
void copy_into(const Tensor& from, const Tensor& to);

/// The tensor itself if it is row-major, otherwise a row-major copy.
Tensor as_contiguous(const Tensor& t);

/// The tensor itself if its memory order is NHWC, otherwise a copy in that order. Rank >= 3.
Tensor as_channels_last(const Tensor& t);

/// The tensor itself if it has that dtype, otherwise a converted copy with the same memory order.
Tensor as_dtype(const Tensor& t, DType dtype);

}  // namespace athanor::backends::cpu
