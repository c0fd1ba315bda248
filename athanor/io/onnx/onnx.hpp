#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "athanor/graph/graph.hpp"

namespace athanor::io {

/// The opset that athanor writes.
inline constexpr int kOnnxOpset = 17;

struct OnnxExportOptions {
  std::string producer = "athanor";
  std::string producer_version = {};
  std::string graph_name = "graph";
  std::string doc = {};
  std::map<std::string, std::string> metadata = {};
};

/// The graph as an ONNX model (ModelProto, opset 17). Every op is written through its own record:
/// its node, its lowering or its formula. The same graph gives the same bytes. Throws
/// UnsupportedError that lists all ops which have no ONNX form, with their reasons.
std::vector<std::uint8_t> export_onnx(const graph::Graph& graph,
                                      const OnnxExportOptions& options = {});

/// What a file may ask for; beyond it the import is refused.
struct OnnxLimits {
  std::uint64_t bytes = 0x7fffffff;  ///< of the file; protobuf takes no more than 2 GiB
  std::uint64_t nodes = 100'000;
  std::uint64_t tensors = 100'000;
  std::uint64_t rank = 16;
  /// Bytes of constants that are computed from constants while the file is read.
  std::uint64_t folded_bytes = std::uint64_t{1} << 30;
};

struct OnnxImportOptions {
  OnnxLimits limits = {};
  /// Shapes of inputs by name, in place of the file's: to fix an unknown batch size.
  std::map<std::string, Shape> input_shapes = {};
};

/// What stands in a model beside its graph.
struct OnnxInfo {
  int opset = 0;
  std::string producer;
  std::string doc;
  std::map<std::string, std::string> metadata;
};

/// Reads an ONNX model, opset 7 to 17. Nodes are run through the ops' records on symbolic tensors;
/// what depends on constants alone is computed here. Throws FormatError for a damaged or hostile
/// file, UnsupportedError that lists all node types which athanor does not have. External data is
/// refused. `info`: filled when given.
graph::Graph import_onnx(std::span<const std::uint8_t> bytes, const OnnxImportOptions& options = {},
                         OnnxInfo* info = nullptr);

}  // namespace athanor::io
