#include "athanor/serve/model.hpp"

#include <array>
#include <utility>

#include "athanor/base/error.hpp"

namespace athanor::serve {

std::vector<TensorValue> ServedModel::prepare(std::span<const std::uint8_t>, std::int64_t) const {
  raise<InternalError>("model {} does not take pictures", info().name);
}

std::vector<Prediction> ServedModel::interpret(const std::vector<TensorValue>&, int) const {
  raise<InternalError>("model {} does not take pictures", info().name);
}

int datatype_size(std::string_view datatype) {
  static constexpr std::array<std::pair<std::string_view, int>, 14> kSizes{{{"BOOL", 1},
                                                                            {"UINT8", 1},
                                                                            {"UINT16", 2},
                                                                            {"UINT32", 4},
                                                                            {"UINT64", 8},
                                                                            {"INT8", 1},
                                                                            {"INT16", 2},
                                                                            {"INT32", 4},
                                                                            {"INT64", 8},
                                                                            {"FP16", 2},
                                                                            {"BF16", 2},
                                                                            {"FP32", 4},
                                                                            {"FP64", 8},
                                                                            {"BYTES", 0}}};
  for (const auto& [name, size] : kSizes)
    if (name == datatype) return size;
  return -1;
}

bool element_count(std::span<const std::int64_t> shape, std::int64_t& count) {
  count = 1;
  bool empty = false;
  for (std::int64_t dim : shape) {
    if (dim < 0) return false;
    if (dim == 0) empty = true;
    if (dim != 0 && __builtin_mul_overflow(count, dim, &count)) return false;
  }
  if (empty) count = 0;
  return true;
}

}  // namespace athanor::serve
