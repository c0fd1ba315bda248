#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "athanor/serve/http.hpp"
#include "athanor/serve/limits.hpp"
#include "athanor/serve/model.hpp"

namespace athanor::serve {

struct RequestedOutput {
  std::string name;
  bool binary = false;
  int classification = 0;  ///< > 0: the best so many classes as "score:index:label" strings
};

/// A checked Open Inference Protocol request.
struct InferRequest {
  std::optional<std::string> id;
  std::vector<TensorValue> inputs;       ///< in the order of the model's metadata
  std::vector<RequestedOutput> outputs;  ///< all of the model's when the request names none
};

/// Reads an infer request: JSON, or JSON of `json_length` bytes followed by the tensors' bytes (the
/// binary tensor extension). Every input of the model must be there once, with its datatype and a
/// shape that fits. Throws HttpError 400, or 413 for more than limits.max_batch rows.
InferRequest parse_infer_request(std::span<const std::uint8_t> body,
                                 std::optional<std::size_t> json_length, const ModelInfo& model,
                                 const Limits& limits);

/// Writes the answer; `outputs` are the model's, in its order. With binary outputs the body is
/// JSON and bytes and the header Inference-Header-Content-Length is set.
Response write_infer_response(const ModelInfo& model, const InferRequest& request,
                              const std::vector<TensorValue>& outputs);

/// The values of a JSON tensor, appended to `out` as row-major bytes. Used by the tests and the
/// writer: numbers are written with the fewest digits that read back to the same bits.
void append_json_values(const TensorValue& tensor, std::string& out);

}  // namespace athanor::serve
