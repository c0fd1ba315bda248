#include "athanor/op/onnx_map.hpp"

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

}  // namespace athanor
