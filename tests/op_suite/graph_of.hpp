#pragma once

#include "athanor/graph/graph.hpp"
#include "suite.hpp"

namespace athanor::op_suite {

/// The call as a graph whose inputs are the call's defined inputs, "in_0" and so on.
graph::Graph graph_of(const Call& call);
TensorList defined_inputs(const Call& call);

}  // namespace athanor::op_suite
