#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "athanor/graph/graph.hpp"

namespace athanor::graph {

/// A rewriting of a graph that keeps its results.
struct Pass {
  std::string_view name;
  std::string_view doc;
  /// Returns the number of places that were changed.
  int (*run)(Graph&);
};

/// Scales the weights of a convolution instead of normalising its output.
int fold_batch_norm(Graph& graph);
/// Removes calls and constants on which no output depends.
int remove_dead(Graph& graph);

/// Every pass, in the order in which optimize() runs them.
std::span<const Pass> passes();

/// Runs the passes whose names are not in `off`; each is followed by verify(). Throws ValueError
/// for an unknown name.
void optimize(Graph& graph, const std::vector<std::string>& off = {});

}  // namespace athanor::graph
