#pragma once

#include <string>
#include <vector>

#include "athanor/op/op.hpp"

// What interpolate, its gradient, its kernel and its ONNX form share.
namespace athanor::ops {

/// One axis of a resampling as a sparse matrix [rows, columns]: row i is the sum over k in
/// [starts[i], starts[i + 1]) of weight[k] * element place[k].
struct ResampleTable {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::int64_t> starts, place;
  std::vector<double> weight;

  /// The matrix with rows and columns exchanged: what the gradient multiplies by.
  ResampleTable transposed() const;
  /// The matrix in full.
  Tensor dense(DType dtype) const;
};

/// A call of interpolate: one table for each axis behind [N, C].
std::vector<ResampleTable> resample_tables(const Dims& input, const Dims& output, const Attrs& a);

/// The sizes behind [N, C] of interpolate's result: `size`, or from the scales if it is empty.
/// Throws ShapeError, ValueError when x, size, scales, mode, align_corners and antialias do not fit
/// together.
Dims resampled_size(std::string_view op, const TensorMeta& x, const Attrs& a, Dims size);

/// The scale that was given for axis i behind [N, C] of `axes`; 0: none.
double given_scale(const Attrs& a, std::size_t i, std::size_t axes);

/// The ONNX form of interpolate, and Resize and Upsample as calls of it.
OnnxMap onnx_resize();

}  // namespace athanor::ops
