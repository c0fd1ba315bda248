#include <bit>
#include <cstring>

#include "athanor/base/error.hpp"
#include "athanor/io/onnx/proto.hpp"
#include "athanor/ops/core/onnx.hpp"

namespace athanor::io::detail {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

namespace {

using ::onnx::TensorProto;

template <class T, class Field>
Tensor from_field(const Field& field, const Shape& shape, DType dtype, const std::string& name) {
  const std::int64_t count = element_count(shape);
  require<FormatError>(field.size() == count,
                       "ONNX tensor '{}' has shape {} and {} values in place of {}", name,
                       athanor::to_string(shape), field.size(), count);
  Tensor out = Tensor::empty(shape, dtype);
  T* to = static_cast<T*>(out.raw());
  for (int i = 0; i < field.size(); ++i) to[i] = static_cast<T>(field[i]);
  return out;
}

}  // namespace

Shape read_shape(std::span<const std::int64_t> dims, const std::string& name,
                 const OnnxLimits& limits) {
  require<FormatError>(dims.size() <= limits.rank, "ONNX value '{}' has {} dimensions, at most {}",
                       name, dims.size(), limits.rank);
  const Shape shape(dims.begin(), dims.end());
  std::int64_t product = 1;  // as if no dimension were 0: strides must not overflow either
  for (std::int64_t d : shape) {
    require<FormatError>(d >= 0, "ONNX value '{}' has the dimension {}", name, d);
    if (d == 0) continue;
    require<FormatError>(product <= (std::int64_t{1} << 48) / d,
                         "ONNX value '{}' has shape {}, more than 2^48 elements", name,
                         athanor::to_string(shape));
    product *= d;
  }
  return shape;
}

void write_tensor(const Tensor& tensor, TensorProto& out) {
  for (std::int64_t d : tensor.shape()) out.add_dims(d);
  out.set_data_type(static_cast<std::int32_t>(onnx_type(tensor.dtype())));
  const auto bytes = tensor.to_bytes();
  out.set_raw_data(bytes.data(), bytes.size());
}

Tensor read_tensor(const TensorProto& proto, const OnnxLimits& limits) {
  const std::string& name = proto.name();
  require<UnsupportedError>(
      proto.data_location() != TensorProto::EXTERNAL && proto.external_data_size() == 0,
      "ONNX tensor '{}' keeps its data in another file; save the model as one file", name);
  require<UnsupportedError>(!proto.has_segment(), "ONNX tensor '{}' is one segment of several",
                            name);
  const DType dtype = dtype_from_onnx(proto.data_type());
  const Shape shape =
      read_shape({proto.dims().data(), static_cast<std::size_t>(proto.dims_size())}, name, limits);
  if (proto.has_raw_data()) {
    const std::string& raw = proto.raw_data();
    const auto count = static_cast<std::uint64_t>(element_count(shape));
    require<FormatError>(count <= raw.size() && raw.size() == count * size_of(dtype),
                         "ONNX tensor '{}' is {}{} and has {} bytes in place of {}", name,
                         name_of(dtype), athanor::to_string(shape), raw.size(),
                         count * size_of(dtype));
    Tensor out = Tensor::empty(shape, dtype);
    if (!raw.empty()) std::memcpy(out.raw(), raw.data(), raw.size());
    if (dtype == DType::boolean) {
      // Any other byte than 0 and 1 would be undefined as a bool.
      auto* values = static_cast<std::uint8_t*>(out.raw());
      for (std::size_t i = 0; i < raw.size(); ++i) values[i] = values[i] != 0;
    }
    return out;
  }
  switch (dtype) {
    case DType::f32: return from_field<float>(proto.float_data(), shape, dtype, name);
    case DType::f64: return from_field<double>(proto.double_data(), shape, dtype, name);
    case DType::i64: return from_field<std::int64_t>(proto.int64_data(), shape, dtype, name);
    case DType::i32: return from_field<std::int32_t>(proto.int32_data(), shape, dtype, name);
    case DType::i8: return from_field<std::int8_t>(proto.int32_data(), shape, dtype, name);
    case DType::u8: return from_field<std::uint8_t>(proto.int32_data(), shape, dtype, name);
    case DType::boolean: return from_field<bool>(proto.int32_data(), shape, dtype, name);
    case DType::f16:
    case DType::bf16:  // the bits
      return from_field<std::uint16_t>(proto.int32_data(), shape, dtype, name);
  }
  throw InternalError("a dtype is missing in read_tensor");
}

}  // namespace athanor::io::detail
