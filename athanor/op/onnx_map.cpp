#include "athanor/op/onnx_map.hpp"

#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"

namespace athanor {

OnnxMap onnx_node(const std::string& type) {
  OnnxMap map;
  map.kind = OnnxMap::Kind::node;
  map.to = [type](OnnxWriter& w, const OnnxCall& call) {
    return OnnxNames{w.node(type, call.inputs)};
  };
  // `from` is bound to the op by the registry: it dispatches the op on the node's inputs.
  map.from.emplace_back(type, nullptr);
  return map;
}

OnnxMap onnx_custom(OnnxTo to, std::vector<std::pair<std::string, OnnxFrom>> from) {
  OnnxMap map;
  map.kind = OnnxMap::Kind::node;
  map.to = std::move(to);
  map.from = std::move(from);
  return map;
}

OnnxMap onnx_lowering() {
  OnnxMap map;
  map.kind = OnnxMap::Kind::lowering;
  return map;
}

OnnxMap onnx_none(std::string reason) {
  OnnxMap map;
  map.kind = OnnxMap::Kind::none;
  map.reason = std::move(reason);
  return map;
}

namespace {
// In the order of DType.
constexpr std::int64_t kOnnxTypes[] = {9, 2, 3, 6, 7, 10, 16, 1, 11};
}  // namespace

std::int64_t onnx_type(DType dtype) { return kOnnxTypes[static_cast<int>(dtype)]; }

DType dtype_from_onnx(std::int64_t type) {
  for (DType dtype : kAllDTypes)
    if (onnx_type(dtype) == type) return dtype;
  raise<DTypeError>(
      "ONNX element type {} is not supported; bool, u8, i8, i32, i64, f16, bf16, f32 and f64 are",
      type);
}

std::string onnx_cast(OnnxWriter& writer, const OnnxCall& call, std::size_t i, DType dtype) {
  if (call.input_tensors[i].dtype() == dtype) return call.inputs[i];
  return writer.node("Cast", {call.inputs[i]}, {{"to", onnx_type(dtype)}});
}

}  // namespace athanor
