#include "athanor/ops/core/onnx.hpp"

#include "athanor/base/error.hpp"

namespace athanor::ops {

namespace {

constexpr std::pair<DType, std::int64_t> kNumbersOfONNX[] = {
    {DType::f32, 1},     {DType::u8, 2},   {DType::i8, 3},   {DType::i32, 6},  {DType::i64, 7},
    {DType::boolean, 9}, {DType::f16, 10}, {DType::f64, 11}, {DType::bf16, 16}};

}  // namespace

std::int64_t onnx_dtype(DType dtype) {
  for (const auto& [d, number] : kNumbersOfONNX)
    if (d == dtype) return number;
  raise<InternalError>("dtype {} has no number in ONNX", name_of(dtype));
}

DType dtype_from_onnx(std::int64_t number) {
  for (const auto& [d, n] : kNumbersOfONNX)
    if (n == number) return d;
  raise<UnsupportedError>(
      "ONNX data type {} is not supported; f32, f64, f16, bf16, u8, i8, i32, i64 and bool are",
      number);
}

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
  return writer.node("Cast", {value}, {{"to", onnx_dtype(to)}});
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
