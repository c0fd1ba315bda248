#include <cmath>

#include "athanor/base/error.hpp"
#include "athanor/graph/passes/passes.hpp"

namespace athanor::graph {

namespace {

// The position of the call that makes a value, and how often it is read.
struct Index {
  std::vector<std::size_t> maker;
  std::vector<std::uint32_t> uses;

  explicit Index(const Graph& graph)
      : maker(graph.values.size(), graph.nodes.size()), uses(graph.uses()) {
    for (std::size_t n = 0; n < graph.nodes.size(); ++n)
      for (ValueId id : graph.nodes[n].outputs) maker[id] = n;
  }
};

bool constant(const Graph& graph, ValueId id) {
  return id != kNoValue && graph[id].constant.defined();
}

std::vector<double> numbers(const Graph& graph, ValueId id, std::size_t count) {
  if (id == kNoValue) return std::vector<double>(count, 0.0);
  return graph[id].constant.to_vector<double>();
}

Tensor rounded(const std::vector<double>& values, const Shape& shape, DType dtype) {
  Tensor out = Tensor::empty(shape, dtype);
  out.copy_from(Tensor::from(values, shape));
  return out;
}

// Whether `norm` can move into the convolution that feeds it.
bool foldable(const Graph& graph, const Node& norm, const Index& index) {
  if (norm.op->name != "batch_norm_inference") return false;
  for (std::size_t i = 1; i < norm.inputs.size(); ++i)
    if (!constant(graph, norm.inputs[i])) return false;
  const ValueId x = norm.inputs[0];
  if (index.maker[x] == graph.nodes.size() || index.uses[x] != 1) return false;
  const Node& conv = graph.nodes[index.maker[x]];
  return conv.op->name == "conv2d" && constant(graph, conv.inputs[1]) &&
         (conv.inputs[2] == kNoValue || constant(graph, conv.inputs[2]));
}

// y = (conv(x, w) + b - mean) * s + beta with s = gamma / sqrt(variance + epsilon)
//   = conv(x, w * s) + (b - mean) * s + beta
void fold(Graph& graph, Node& conv, const Node& norm) {
  const Tensor weight = graph[conv.inputs[1]].constant;
  const auto channels = static_cast<std::size_t>(weight.shape()[0]);
  std::vector<double> w = weight.to_vector<double>();
  std::vector<double> b = numbers(graph, conv.inputs[2], channels);
  const auto gamma = numbers(graph, norm.inputs[1], channels);
  const auto beta = numbers(graph, norm.inputs[2], channels);
  const auto mean = numbers(graph, norm.inputs[3], channels);
  const auto variance = numbers(graph, norm.inputs[4], channels);
  const double epsilon = norm.attrs.real("epsilon");
  const std::size_t each = channels ? w.size() / channels : 0;
  for (std::size_t c = 0; c < channels; ++c) {
    const double scale = gamma[c] / std::sqrt(variance[c] + epsilon);
    for (std::size_t i = 0; i < each; ++i) w[c * each + i] *= scale;
    b[c] = (b[c] - mean[c]) * scale + beta[c];
  }
  const auto add = [&](const std::string& name, const Tensor& value) {
    return graph.add_value(graph.unique_name(name), meta_of(value), value);
  };
  const std::string stem = graph[conv.inputs[1]].name;
  conv.inputs[1] = add(stem + ".folded", rounded(w, weight.shape(), weight.dtype()));
  conv.inputs[2] =
      add(stem + ".folded_bias", rounded(b, {static_cast<std::int64_t>(channels)}, weight.dtype()));
}

}  // namespace

int fold_batch_norm(Graph& graph) {
  const Index index(graph);
  std::vector<bool> gone(graph.nodes.size());
  int folded = 0;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    Node& norm = graph.nodes[n];
    if (!foldable(graph, norm, index)) continue;
    Node& conv = graph.nodes[index.maker[norm.inputs[0]]];
    fold(graph, conv, norm);
    ++folded;
    const std::string& activation = norm.attrs.text("activation");
    if (activation == "none") {
      // The convolution makes the normalised value itself.
      conv.outputs[0] = norm.outputs[0];
      gone[n] = true;
    } else {
      const OpDef* op = registry().find(activation);
      ATH_ASSERT(op != nullptr);
      norm = {.op = op, .attrs = op->attrs(), .inputs = {conv.outputs[0]}, .outputs = norm.outputs};
    }
  }
  if (folded == 0) return 0;
  std::vector<Node> kept;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    if (!gone[n]) kept.push_back(std::move(graph.nodes[n]));
  graph.nodes = std::move(kept);
  remove_dead(graph);  // the values that lost their maker, and the weights before the folding
  return folded;
}

}  // namespace athanor::graph
