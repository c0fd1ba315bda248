#include "athanor/graph/graph.hpp"

#include <unordered_set>

#include "athanor/base/error.hpp"

namespace athanor::graph {

ValueId Graph::add_value(std::string name, TensorMeta meta, Tensor constant) {
  values.push_back({std::move(name), std::move(meta), std::move(constant)});
  return static_cast<ValueId>(values.size() - 1);
}

std::string Graph::unique_name(std::string_view wanted) const {
  const auto taken = [&](std::string_view name) {
    for (const Value& v : values)
      if (v.name == name) return true;
    return false;
  };
  std::string name(wanted);
  for (int i = 2; taken(name); ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

std::vector<ValueId> Graph::constants() const {
  std::vector<ValueId> ids;
  for (ValueId id = 0; id < values.size(); ++id)
    if (values[id].constant.defined()) ids.push_back(id);
  return ids;
}

std::uint64_t Graph::constant_bytes() const {
  std::uint64_t bytes = 0;
  for (const Value& v : values)
    if (v.constant.defined())
      bytes += static_cast<std::uint64_t>(v.constant.count()) * size_of(v.constant.dtype());
  return bytes;
}

std::vector<std::uint32_t> Graph::uses() const {
  std::vector<std::uint32_t> count(values.size());
  for (const Node& node : nodes)
    for (ValueId id : node.inputs)
      if (id != kNoValue) ++count[id];
  for (const Output& output : outputs) ++count[output.value];
  return count;
}

MetaList infer_node(const Graph& graph, const Node& node) {
  SmallVector<TensorMeta, 4> metas;
  for (ValueId id : node.inputs) metas.push_back(id == kNoValue ? TensorMeta{} : graph[id].meta);
  return infer(*node.op, metas, node.attrs);
}

namespace {

class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph), defined_(graph.values.size()) {}

  void run() {
    std::unordered_set<std::string_view> names;
    for (const Value& v : graph_.values) {
      check(!v.name.empty(), "a value has no name");
      check(names.insert(v.name).second, "two values are named '{}'", v.name);
    }
    for (ValueId id : graph_.inputs) {
      define(id, "an input");
      check(!graph_[id].constant.defined(), "input '{}' is a constant too", graph_[id].name);
    }
    for (ValueId id : graph_.constants()) {
      define(id, "a constant");
      const Value& v = graph_[id];
      check(!v.constant.is_symbolic() && v.constant.shape() == v.meta.shape &&
                v.constant.dtype() == v.meta.dtype,
            "constant '{}' holds {}, declared is {}", v.name, describe(v.constant), show(v.meta));
    }
    for (const Node& node : graph_.nodes) run(node);
    std::unordered_set<std::string_view> outputs;
    for (const Output& output : graph_.outputs) {
      check(!output.name.empty() && outputs.insert(output.name).second,
            "two outputs are named '{}'", output.name);
      read(output.value, "output " + output.name);
    }
  }

 private:
  template <class... Args>
  static void check(bool condition, fmt::format_string<Args...> format, Args&&... args) {
    if (!condition) [[unlikely]]
      throw InternalError("graph: " + fmt::format(format, std::forward<Args>(args)...));
  }
  static std::string show(const TensorMeta& meta) {
    return std::string(name_of(meta.dtype)) + athanor::to_string(meta.shape);
  }
  void define(ValueId id, std::string_view what) {
    check(id < graph_.values.size(), "{} is value {}, there are {}", what, id,
          graph_.values.size());
    check(!defined_[id], "value '{}' is defined twice", graph_[id].name);
    defined_[id] = true;
    check(is_batch_shape(graph_[id].meta.shape),
          "value '{}' has shape {}; only its leading dimension may be unknown", graph_[id].name,
          athanor::to_string(graph_[id].meta.shape));
  }
  void read(ValueId id, std::string_view reader) {
    check(id < graph_.values.size(), "{} reads value {}, there are {}", reader, id,
          graph_.values.size());
    check(defined_[id], "{} reads '{}' before it is defined", reader, graph_[id].name);
  }
  void run(const Node& node) {
    check(node.op != nullptr, "a node has no op");
    const std::string_view name = node.op->name;
    for (ValueId id : node.inputs)
      if (id != kNoValue) read(id, name);
    const MetaList metas = infer_node(graph_, node);
    check(metas.size() == node.outputs.size(), "{} has {} outputs, its op gives {}", name,
          node.outputs.size(), metas.size());
    for (std::size_t i = 0; i < metas.size(); ++i) {
      define(node.outputs[i], name);
      const TensorMeta& stored = graph_[node.outputs[i]].meta;
      check(!graph_[node.outputs[i]].constant.defined(), "output {} of {} is a constant", i, name);
      check(stored.shape == metas[i].shape && stored.dtype == metas[i].dtype,
            "output {} of {} is {}, its op infers {}", i, name, show(stored), show(metas[i]));
    }
  }

  const Graph& graph_;
  std::vector<bool> defined_;
};

}  // namespace

void verify(const Graph& graph) { Verifier(graph).run(); }

std::string to_string(const Graph& graph) {
  const auto show = [&](ValueId id) {
    if (id == kNoValue) return std::string("-");
    return fmt::format("{}: {}{}", graph[id].name, name_of(graph[id].meta.dtype),
                       athanor::to_string(graph[id].meta.shape));
  };
  std::string out;
  for (ValueId id : graph.inputs) out += "input " + show(id) + "\n";
  for (ValueId id : graph.constants()) out += "constant " + show(id) + "\n";
  for (const Node& node : graph.nodes) {
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      out += (i ? ", " : "") + show(node.outputs[i]);
    out += fmt::format(" = {}(", node.op->name);
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      out += (i ? ", " : "") +
             (node.inputs[i] == kNoValue ? std::string("-") : graph[node.inputs[i]].name);
    if (node.attrs.size()) out += (node.inputs.empty() ? "" : ", ") + node.attrs.to_string();
    out += ")\n";
  }
  for (const Output& output : graph.outputs)
    out += fmt::format("output {} = {}\n", output.name, graph[output.value].name);
  return out;
}

}  // namespace athanor::graph
