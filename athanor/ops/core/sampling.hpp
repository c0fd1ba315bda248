#pragma once

#include "athanor/op/op.hpp"

// What the records that read between pixels share.
namespace athanor::ops {

/// Where the values of a resized axis come from: `taps` places of the input for each of the output,
/// and their weights. Row-major [size, taps].
struct ResizeTable {
  std::int64_t taps = 0;
  std::vector<std::int64_t> places;
  std::vector<double> weights;
};

/// How positions of the output lie in the input.
struct ResizeRule {
  std::string mode;  ///< nearest, nearest-exact, linear, cubic
  bool align_corners = false;
  bool antialias = false;
  double scale = 0;  ///< output / input, where it was given; 0: of the sizes
};
/// As torch.nn.functional.interpolate (cubic: Keys 1981 with a = -0.75, antialiased with -0.5 as
/// Pillow).
ResizeTable resize_table(const ResizeRule& rule, std::int64_t in, std::int64_t out);

/// x[n, c, y, x] at places [N, ...] (f32 or f64) by bilinear weights: [N, C, ...]. Places outside
/// give 0 where `zeros`, else they are moved to the edge before.
Tensor bilinear(const Tensor& x, const Tensor& rows, const Tensor& columns, bool zeros);
/// x at whole places (floating numbers), 0 outside where `zeros`.
Tensor picked(const Tensor& x, const Tensor& rows, const Tensor& columns, bool zeros);

}  // namespace athanor::ops
