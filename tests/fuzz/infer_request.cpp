// The first two bytes are the length of the JSON (65535: no binary part), the rest is the body of
// an infer request. What is accepted must fit the model, and be writable.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "athanor/serve/infer.hpp"
#include "athanor/serve/problem.hpp"

using namespace athanor::serve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ModelInfo model = [] {
    ModelInfo info;
    info.name = "m";
    info.inputs = {{"x", "FP32", {-1, 2}}, {"b", "BYTES", {-1}}, {"i", "INT8", {2}}};
    info.outputs = info.inputs;
    info.labels = {"one", "two"};
    return info;
  }();
  if (size < 2) return 0;
  const std::size_t length = static_cast<std::size_t>(data[0]) << 8 | data[1];
  try {
    const InferRequest request = parse_infer_request(
        {data + 2, size - 2}, length == 0xffff ? std::nullopt : std::optional(length), model,
        Limits());
    for (const TensorValue& input : request.inputs) {
      std::int64_t count = 0;
      if (!element_count(input.shape, count)) std::abort();
      const int element = datatype_size(input.datatype);
      if (element > 0 && input.data.size() != static_cast<std::size_t>(count * element))
        std::abort();
    }
    write_infer_response(model, request, request.inputs);
  } catch (const HttpError& error) {
    if (error.problem().status >= 500) std::abort();
  }
  return 0;
}
