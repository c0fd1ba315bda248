#pragma once

#include "athanor/op/op.hpp"

namespace athanor::ops {

/// grid_sample written with other ops: x [N, C, H, W], grid [N, h, w, 2] -> [N, C, h, w].
Tensor sample_grid(const Tensor& x, const Tensor& grid, const Attrs& attrs);

}  // namespace athanor::ops
