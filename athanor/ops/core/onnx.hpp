#pragma once

#include "athanor/op/op.hpp"

// What the ONNX mappings of the records share.
namespace athanor::ops {

/// A constant i64 vector.
std::string onnx_dims(OnnxWriter& writer, std::span<const std::int64_t> values);
/// A constant of one value.
std::string onnx_scalar(OnnxWriter& writer, double value, DType dtype);
/// The value converted by a Cast node; the same name if it has that dtype already.
std::string onnx_cast(OnnxWriter& writer, const std::string& value, DType from, DType to);

/// The integers of a constant tensor.
Dims onnx_dims(const Tensor& constant);
/// The number in constant input `i` of a node. Throws FormatError unless it holds exactly one.
template <class T>
T onnx_number(const OnnxReader& node, int i) {
  const std::vector<T> values = node.constant(i).to_vector<T>();
  require<FormatError>(values.size() == 1, "ONNX {}: input {} holds {} numbers; it must be one",
                       node.type(), i, values.size());
  return values[0];
}
/// Axes of a node that has them as input `i` (newer opsets) or as the attribute "axes".
Dims onnx_axes(const OnnxReader& node, int i);

inline std::vector<std::int64_t> to_vector(const Dims& dims) { return {dims.begin(), dims.end()}; }

}  // namespace athanor::ops
