#include "athanor/graph/passes/passes.hpp"

namespace athanor::graph {

int remove_dead(Graph& graph) {
  std::vector<bool> live(graph.values.size());
  for (const Output& output : graph.outputs) live[output.value] = true;
  std::vector<Node> kept;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    Node& node = graph.nodes[n];
    bool read = false;
    for (ValueId id : node.outputs) read = read || live[id];
    if (!read) continue;
    for (ValueId id : node.inputs)
      if (id != kNoValue) live[id] = true;
    for (ValueId id : node.outputs) live[id] = true;
    kept.push_back(std::move(node));
  }
  int removed = static_cast<int>(graph.nodes.size() - kept.size());
  graph.nodes.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  for (ValueId id : graph.inputs) live[id] = true;  // the signature stays

  std::vector<ValueId> place(graph.values.size(), kNoValue);
  std::vector<Value> values;
  for (ValueId id = 0; id < graph.values.size(); ++id) {
    if (!live[id]) {
      removed += graph.values[id].constant.defined();
      continue;
    }
    place[id] = static_cast<ValueId>(values.size());
    values.push_back(std::move(graph.values[id]));
  }
  graph.values = std::move(values);
  const auto move = [&](ValueId& id) {
    if (id != kNoValue) id = place[id];
  };
  for (ValueId& id : graph.inputs) move(id);
  for (Output& output : graph.outputs) move(output.value);
  for (Node& node : graph.nodes) {
    for (ValueId& id : node.inputs) move(id);
    for (ValueId& id : node.outputs) move(id);
  }
  return removed;
}

}  // namespace athanor::graph
