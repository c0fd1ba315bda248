#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "athanor/op/op.hpp"

namespace athanor::graph {

/// Position of a value in Graph::values.
using ValueId = std::uint32_t;
/// An optional input that is left out.
inline constexpr ValueId kNoValue = ~ValueId{0};

/// A tensor of a graph: an input, a constant (parameters are constants with the caller's name) or
/// an output of a node.
struct Value {
  std::string name;  ///< unique in the graph
  TensorMeta meta;   ///< kDynamic is allowed as the leading dimension
  Tensor constant;   ///< defined for constants; shares memory with the tensor that flowed in
};

/// One call: the same {op, attrs, inputs} that the tape records.
struct Node {
  const OpDef* op = nullptr;
  Attrs attrs;
  SmallVector<ValueId, 4> inputs;  ///< kNoValue for an optional input that is left out
  SmallVector<ValueId, 1> outputs;
};

/// What a graph returns; the same value may be returned under several names.
struct Output {
  std::string name;
  ValueId value = kNoValue;
};

/// A program of op calls in the order in which they run.
struct Graph {
  std::vector<Value> values;
  std::vector<ValueId> inputs;
  std::vector<Node> nodes;
  std::vector<Output> outputs;

  const Value& operator[](ValueId id) const { return values[id]; }
  ValueId add_value(std::string name, TensorMeta meta, Tensor constant = {});
  /// `wanted`, or with a number behind it when a value has that name already.
  std::string unique_name(std::string_view wanted) const;
  /// The values that are constants, in the order of their ids.
  std::vector<ValueId> constants() const;
  /// Bytes of all constants.
  std::uint64_t constant_bytes() const;
  /// How often each value is read by nodes and outputs.
  std::vector<std::uint32_t> uses() const;
};

/// The meta of a constant or value as an op sees it.
MetaList infer_node(const Graph& graph, const Node& node);

/// Throws InternalError for the first broken promise: values are defined once and before their use,
/// names are unique, metas equal what the ops infer, constants have the meta of their value.
void verify(const Graph& graph);

/// The program as text, one line for each value and call, for people and error messages.
std::string to_string(const Graph& graph);

}  // namespace athanor::graph
