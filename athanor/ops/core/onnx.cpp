#include "athanor/ops/core/onnx.hpp"

#include <algorithm>

namespace athanor::ops {

std::string onnx_dims(OnnxWriter& writer, std::span<const std::int64_t> values) {
  const Tensor t = Tensor::empty({static_cast<std::int64_t>(values.size())}, DType::i64);
  std::copy(values.begin(), values.end(), t.data<std::int64_t>());
  return writer.constant(t);
}

std::string onnx_scalar(OnnxWriter& writer, double value, DType dtype) {
  return writer.constant(Tensor::scalar(value, dtype));
}

std::string onnx_cast(OnnxWriter& writer, const std::string& value, DType from, DType to) {
  if (from == to) return value;
  return writer.node("Cast", {value}, {{"to", onnx_type(to)}});
}

Dims onnx_dims(const Tensor& constant) {
  const auto values = constant.to_vector<std::int64_t>();
  return {values.begin(), values.end()};
}

Dims onnx_axes(const OnnxReader& node, int i) {
  if (node.input_count() > i) {
    if (const Tensor axes = node.input(i); axes.defined()) return onnx_dims(node.constant(i));
  }
  const auto axes = node.integers("axes", {});
  return {axes.begin(), axes.end()};
}

}  // namespace athanor::ops
