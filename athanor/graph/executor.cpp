#include "athanor/graph/executor.hpp"

#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"

namespace athanor::graph {

Executor::Executor(Graph graph) : graph_(std::move(graph)), last_used_(graph_.nodes.size()) {
  verify(graph_);
  std::vector<bool> kept(graph_.values.size());
  for (const Output& output : graph_.outputs) kept[output.value] = true;
  for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
    const auto visit = [&](ValueId id) {
      if (id == kNoValue || kept[id]) return;
      kept[id] = true;
      last_used_[n].push_back(id);
    };
    for (ValueId id : graph_.nodes[n].inputs) visit(id);
    for (ValueId id : graph_.nodes[n].outputs) visit(id);  // never read at all
  }
}

void Executor::check_inputs(std::span<const Tensor> inputs) const {
  require(inputs.size() == graph_.inputs.size(), "the graph takes {} inputs, {} were given",
          graph_.inputs.size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value& want = graph_[graph_.inputs[i]];
    require(inputs[i].defined(), "input '{}' of the graph is undefined", want.name);
    require<DTypeError>(inputs[i].dtype() == want.meta.dtype,
                        "input '{}' of the graph is {}{}, {} was given", want.name,
                        name_of(want.meta.dtype), athanor::to_string(want.meta.shape),
                        describe(inputs[i]));
    bool fits = inputs[i].shape().size() == want.meta.shape.size();
    for (std::size_t d = 0; fits && d < want.meta.shape.size(); ++d)
      fits = want.meta.shape[d] == kDynamic || want.meta.shape[d] == inputs[i].shape()[d];
    require<ShapeError>(fits, "input '{}' of the graph is {}{} (? is any size), {} was given",
                        want.name, name_of(want.meta.dtype), athanor::to_string(want.meta.shape),
                        describe(inputs[i]));
  }
}

TensorList Executor::run(std::span<const Tensor> inputs) const {
  check_inputs(inputs);
  const NoGrad no_grad;
  std::vector<Tensor> values(graph_.values.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = graph_.values[i].constant;
  for (std::size_t i = 0; i < inputs.size(); ++i) values[graph_.inputs[i]] = inputs[i];
  TensorList arguments;
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    arguments.clear();
    for (ValueId id : node.inputs) arguments.push_back(id == kNoValue ? Tensor() : values[id]);
    TensorList results = dispatch(*node.op, arguments, node.attrs);
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      values[node.outputs[i]] = std::move(results[i]);
    arguments.clear();
    for (ValueId id : last_used_[n]) values[id] = {};
  }
  TensorList outputs;
  for (const Output& output : graph_.outputs) outputs.push_back(values[output.value]);
  return outputs;
}

}  // namespace athanor::graph
