#pragma once

#include "athanor/graph/graph.hpp"

namespace athanor::graph {

/// Runs a graph, call by call, without gradients; every value is released after its last use. May
/// be used by several threads at once.
class Executor {
 public:
  /// Verifies the graph.
  explicit Executor(Graph graph);

  /// One tensor for each input, any size for a dimension that is kDynamic. Throws ValueError,
  /// DTypeError or ShapeError that name the input which does not fit.
  TensorList run(std::span<const Tensor> inputs) const;

  const Graph& graph() const { return graph_; }

 private:
  void check_inputs(std::span<const Tensor> inputs) const;

  Graph graph_;
  std::vector<std::vector<ValueId>> last_used_;  // by node: values that nothing reads afterwards
};

}  // namespace athanor::graph
