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

Tensor joined_index(const Shape& shape, std::span<const Tensor> indices, std::string_view op) {
  Shape common;
  for (const Tensor& index : indices) common = broadcast_shapes(common, index.shape(), op);
  const Tensor out = Tensor::zeros(common, DType::i64);
  std::int64_t* places = out.data<std::int64_t>();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const Tensor index = checked_index(indices[i], shape[i], op);
    Strides strides(common.size(), 0);
    const std::size_t lead = common.size() - index.shape().size();
    for (std::size_t k = lead; k < common.size(); ++k)
      if (index.shape()[k - lead] == common[k]) strides[k] = index.strides()[k - lead];
    const std::int64_t* values = index.data<std::int64_t>();
    Dims at(common.size(), 0);
    std::int64_t from = 0;
    for (std::int64_t n = 0; n < out.count(); ++n) {
      places[n] = places[n] * shape[i] + values[from];
      for (std::size_t k = common.size(); k-- > 0;) {
        from += strides[k];
        if (++at[k] < common[k]) break;
        from -= strides[k] * common[k];
        at[k] = 0;
      }
    }
  }
  return out;
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
