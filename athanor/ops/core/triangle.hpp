#pragma once

#include <vector>

#include "athanor/op/op.hpp"

// What tril and triu share.
namespace athanor::ops {

/// The meta of x, which has at least two axes whose last two are known.
MetaList infer_triangle(std::string_view op, const TensorMeta& x);
/// x where column - row <= diagonal (`upper`: >= diagonal) in its last two axes, 0 elsewhere.
Tensor triangle(const Tensor& x, std::int64_t diagonal, bool upper);
/// ONNX's Trilu.
OnnxTo onnx_triangle(bool upper);
/// Matrices, batches of them, diagonals inside and outside.
std::vector<Sample> triangle_samples(SampleMaker& m);
/// A tensor of too few axes.
std::vector<BadSample> bad_triangles(std::string_view op);

}  // namespace athanor::ops
