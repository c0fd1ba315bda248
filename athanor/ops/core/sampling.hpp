#pragma once

#include "athanor/op/op.hpp"

// What the records that read between pixels share.
namespace athanor::ops {

/// x[n, c, y, x] at places [N, ...] (f32 or f64) by bilinear weights: [N, C, ...]. Places outside
/// give 0 where `zeros`, else they are moved to the edge before.
Tensor bilinear(const Tensor& x, const Tensor& rows, const Tensor& columns, bool zeros);
/// x at whole places (floating numbers), 0 outside where `zeros`.
Tensor picked(const Tensor& x, const Tensor& rows, const Tensor& columns, bool zeros);

}  // namespace athanor::ops
