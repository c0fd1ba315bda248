#include "athanor/ops/core/index.hpp"

#include <algorithm>

#include "athanor/ops/core/infer.hpp"

namespace athanor::ops {

Tensor checked_index(const Tensor& index, std::int64_t size, std::string_view op) {
  Tensor plain = as_i64(index);
  const std::int64_t* values = plain.data<std::int64_t>();
  bool negative = false;
  for (std::int64_t i = 0; i < plain.count(); ++i) {
    if (values[i] < -size || values[i] >= size) [[unlikely]]
      raise<IndexError>("{}: index {} at {} is outside [{}, {})", op, values[i],
                        to_string(coordinates(index.shape(), i)), -size, size);
    negative |= values[i] < 0;
  }
  if (!negative) return plain;
  if (plain.same(index)) {
    plain = Tensor::empty(index.shape(), DType::i64);
    std::copy(values, values + index.count(), plain.data<std::int64_t>());
  }
  std::int64_t* out = plain.data<std::int64_t>();
  for (std::int64_t i = 0; i < plain.count(); ++i)
    if (out[i] < 0) out[i] += size;
  return plain;
}

Dims coordinates(const Shape& shape, std::int64_t flat) {
  Dims at(shape.size(), 0);
  for (std::size_t i = shape.size(); i-- > 0;) {
    at[i] = flat % shape[i];
    flat /= shape[i];
  }
  return at;
}

void require_index(std::string_view op, const TensorMeta& index) {
  require_dtype(op, "index", index, kIntegers);
}

}  // namespace athanor::ops
