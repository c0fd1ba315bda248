#pragma once

#include "athanor/op/op.hpp"

// What the records that read between pixels share.
namespace athanor::ops {

/// x[n, c, y, x] at places [N, ...] (f32 or f64) by bilinear weights: [N, C, ...]. Places outside
/// are moved to the edge.
Tensor bilinear(const Tensor& x, const Tensor& rows, const Tensor& columns);

}  // namespace athanor::ops
