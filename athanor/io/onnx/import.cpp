#include <onnx/defs/schema.h>

#include <map>
#include <set>
#include <unordered_map>

#include "athanor/base/error.hpp"
#include "athanor/graph/capture.hpp"
#include "athanor/io/onnx/proto.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/core/onnx.hpp"

namespace athanor::io {

namespace {

using ::onnx::AttributeProto;
using ::onnx::NodeProto;
using ::onnx::OpSchema;

constexpr int kOldestOpset = 7;

std::string name_of_node(const NodeProto& node) {
  const std::string& name = !node.name().empty()     ? node.name()
                            : node.output_size() > 0 ? node.output(0)
                                                     : node.op_type();
  return fmt::format("ONNX node '{}' ({})", name.substr(0, 200), node.op_type().substr(0, 80));
}

bool default_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

/// One node as its op's record reads it. Remembers which attributes were asked for.
class NodeReader final : public OnnxReader {
 public:
  NodeReader(const NodeProto& node, std::vector<Tensor> inputs, int opset)
      : node_(node), inputs_(std::move(inputs)), opset_(opset) {}

  const std::string& type() const override { return node_.op_type(); }
  int input_count() const override { return static_cast<int>(inputs_.size()); }
  Tensor input(int i) const override {
    return i >= 0 && i < input_count() ? inputs_[static_cast<std::size_t>(i)] : Tensor();
  }
  Tensor constant(int i) const override {
    const Tensor t = input(i);
    require<FormatError>(t.defined(), "{} lacks input {}", name_of_node(node_), i);
    require<UnsupportedError>(!t.is_symbolic(),
                              "{}: input {} ('{}') is computed at run time; it must be constant",
                              name_of_node(node_), i, node_.input(i));
    return t;
  }
  int output_count() const override { return node_.output_size(); }
  bool has(const std::string& name) const override { return find(name) != nullptr; }
  std::int64_t integer(const std::string& name, std::int64_t value) const override {
    const auto* a = find(name, AttributeProto::INT);
    return a ? a->i() : value;
  }
  double real(const std::string& name, double value) const override {
    const auto* a = find(name, AttributeProto::FLOAT);
    return a ? static_cast<double>(a->f()) : value;
  }
  std::string text(const std::string& name, const std::string& value) const override {
    const auto* a = find(name, AttributeProto::STRING);
    return a ? a->s() : value;
  }
  std::vector<std::int64_t> integers(const std::string& name,
                                     const std::vector<std::int64_t>& value) const override {
    const auto* a = find(name, AttributeProto::INTS);
    return a ? std::vector<std::int64_t>(a->ints().begin(), a->ints().end()) : value;
  }
  std::vector<std::string> texts(const std::string& name,
                                 const std::vector<std::string>& value) const override {
    const auto* a = find(name, AttributeProto::STRINGS);
    return a ? std::vector<std::string>(a->strings().begin(), a->strings().end()) : value;
  }
  int opset() const override { return opset_; }

  const NodeProto& node() const { return node_; }

  /// An attribute that nobody asked for and that is not at its default would change the meaning.
  void check_all_read(const OpSchema& schema) const {
    for (const AttributeProto& a : node_.attribute()) {
      if (read_.contains(a.name())) continue;
      const auto known = schema.attributes().find(a.name());
      if (known != schema.attributes().end() &&
          known->second.default_value.SerializeAsString() == plain(a).SerializeAsString())
        continue;
      raise<UnsupportedError>("{}: athanor does not know its attribute '{}'", name_of_node(node_),
                              a.name());
    }
  }

 private:
  static AttributeProto plain(AttributeProto a) {
    a.clear_doc_string();
    return a;
  }
  const AttributeProto* find(const std::string& name) const {
    read_.insert(name);
    for (const AttributeProto& a : node_.attribute())
      if (a.name() == name) return &a;
    return nullptr;
  }
  const AttributeProto* find(const std::string& name, AttributeProto::AttributeType type) const {
    const AttributeProto* a = find(name);
    require<FormatError>(!a || a->type() == type, "{}: attribute '{}' has the wrong type",
                         name_of_node(node_), name);
    return a;
  }

  const NodeProto& node_;
  std::vector<Tensor> inputs_;
  int opset_;
  mutable std::set<std::string> read_;
};

/// Nodes that are no ops: they say what is known while the graph is built.
class Plumbing {
 public:
  using Function = TensorList (*)(const NodeReader&, const OnnxLimits&);
  static Function find(const std::string& type) {
    if (type == "Constant") return constant;
    if (type == "ConstantOfShape") return constant_of_shape;
    if (type == "Identity") return identity;
    if (type == "Shape") return shape;
    return nullptr;
  }

 private:
  static TensorList identity(const NodeReader& node, const OnnxLimits&) { return {node.input(0)}; }

  static TensorList constant(const NodeReader& node, const OnnxLimits& limits) {
    require<FormatError>(node.node().attribute_size() == 1, "{} needs one value",
                         name_of_node(node.node()));
    const AttributeProto& a = node.node().attribute(0);
    (void)node.has(a.name());
    if (a.name() == "value") return {detail::read_tensor(a.t(), limits)};
    if (a.name() == "value_int") return {Tensor::from(std::vector<std::int64_t>{a.i()}, Shape{})};
    if (a.name() == "value_float") return {Tensor::from(std::vector<float>{a.f()}, Shape{})};
    if (a.name() == "value_ints")
      return {Tensor::from(std::vector<std::int64_t>(a.ints().begin(), a.ints().end()),
                           {a.ints_size()})};
    if (a.name() == "value_floats")
      return {Tensor::from(std::vector<float>(a.floats().begin(), a.floats().end()),
                           {a.floats_size()})};
    raise<UnsupportedError>("{}: a constant of kind '{}' is not supported",
                            name_of_node(node.node()), a.name());
  }

  static TensorList constant_of_shape(const NodeReader& node, const OnnxLimits& limits) {
    const Tensor dims = node.constant(0);
    require<FormatError>(dims.dtype() == DType::i64 && dims.rank() == 1,
                         "{}: the shape must be a vector of i64", name_of_node(node.node()));
    const Shape shape =
        detail::read_shape(dims.to_vector<std::int64_t>(), node.node().output(0), limits);
    Tensor value = Tensor::zeros({1});
    if (node.has("value")) value = detail::read_tensor(node.node().attribute(0).t(), limits);
    require<FormatError>(value.count() == 1, "{}: its value has {} elements",
                         name_of_node(node.node()), value.count());
    const auto bytes = static_cast<std::uint64_t>(element_count(shape)) * size_of(value.dtype());
    require<UnsupportedError>(bytes <= limits.folded_bytes, "{} asks for {} bytes, at most {}",
                              name_of_node(node.node()), bytes, limits.folded_bytes);
    const Tensor out = Tensor::empty(shape, value.dtype());
    out.copy_from(value.view_as(shape, Strides(shape.size(), 0), value.offset()));
    return {out};
  }

  static TensorList shape(const NodeReader& node, const OnnxLimits&) {
    const Tensor x = node.input(0);
    require<UnsupportedError>(!is_dynamic(x.shape()),
                              "{}: the shape of '{}' is {} and known only at run time; give the "
                              "shapes of the inputs when importing",
                              name_of_node(node.node()), node.node().input(0),
                              athanor::to_string(x.shape()));
    const std::int64_t rank = x.rank();
    const auto bound = [&](std::int64_t i) {
      return std::clamp(i < 0 ? i + rank : i, std::int64_t{0}, rank);
    };
    const std::int64_t start = bound(node.integer("start", 0));
    const std::int64_t end = std::max(start, bound(node.integer("end", rank)));
    return {
        Tensor::from(std::vector<std::int64_t>(x.shape().begin() + start, x.shape().begin() + end),
                     {end - start})};
  }
};

/// Which record reads a node type.
const std::unordered_map<std::string, const OnnxFrom*>& readers() {
  static const auto* table = [] {
    auto* t = new std::unordered_map<std::string, const OnnxFrom*>;
    for (const OpDef& op : registry())
      for (const auto& [type, from] : op.onnx.from) t->try_emplace(type, &from);
    return t;
  }();
  return *table;
}

class Importer {
 public:
  explicit Importer(const OnnxImportOptions& options)
      : options_(options),
        limits_(options.limits),
        capture_(graph::Capture::Limits{options.limits.folded_bytes}) {}

  graph::Graph run(std::span<const std::uint8_t> bytes, OnnxInfo* info) {
    require<FormatError>(bytes.size() <= std::min<std::uint64_t>(limits_.bytes, 0x7fffffff),
                         "the ONNX file has {} bytes, at most {} are read", bytes.size(),
                         limits_.bytes);
    require<FormatError>(model_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
                             model_.has_graph() && model_.opset_import_size() > 0,
                         "the file is not an ONNX model, or it is damaged");
    read_opset();
    const auto& graph = model_.graph();
    check_size(graph);
    check_types(graph);
    {
      const NoGrad no_grad;
      const InterpreterScope scope(capture_, InterpreterScope::Place::below_tape);
      read_values(graph);
      for (const NodeProto& node : graph.node()) read_node(node);
    }
    read_outputs(graph);
    if (info) *info = describe_model();
    return capture_.finish();
  }

 private:
  void read_opset() {
    for (const auto& entry : model_.opset_import())
      if (default_domain(entry.domain())) opset_ = static_cast<int>(entry.version());
    require<UnsupportedError>(
        opset_ >= kOldestOpset && opset_ <= kOnnxOpset,
        "the model has ONNX opset {}; athanor reads {} to {}, convert it to one of these", opset_,
        kOldestOpset, kOnnxOpset);
  }

  void check_size(const ::onnx::GraphProto& graph) const {
    require<FormatError>(static_cast<std::uint64_t>(graph.node_size()) <= limits_.nodes,
                         "the ONNX graph has {} nodes, at most {} are read", graph.node_size(),
                         limits_.nodes);
    const auto tensors = static_cast<std::uint64_t>(graph.initializer_size()) +
                         static_cast<std::uint64_t>(graph.input_size()) +
                         static_cast<std::uint64_t>(graph.output_size());
    require<FormatError>(tensors <= limits_.tensors,
                         "the ONNX graph has {} inputs, outputs and constants, at most {} are read",
                         tensors, limits_.tensors);
    require<UnsupportedError>(graph.sparse_initializer_size() == 0,
                              "the ONNX graph has sparse constants, which athanor does not read");
    require<FormatError>(graph.output_size() > 0, "the ONNX graph has no output");
  }

  // Everything that is missing, at once.
  void check_types(const ::onnx::GraphProto& graph) const {
    std::map<std::string, int> missing;
    for (const NodeProto& node : graph.node()) {
      if (default_domain(node.domain()) &&
          (Plumbing::find(node.op_type()) || readers().contains(node.op_type())))
        continue;
      const std::string type = node.op_type().substr(0, 80);
      ++missing[default_domain(node.domain()) ? type : node.domain().substr(0, 80) + "." + type];
    }
    if (missing.empty()) return;
    std::string list;
    for (const auto& [type, count] : missing)
      list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", type, count);
    raise<UnsupportedError>("the model uses node types that athanor does not have: {}", list);
  }

  void define(const std::string& name, const Tensor& value) {
    require<FormatError>(values_.try_emplace(name, value).second,
                         "the ONNX graph defines '{}' twice", name.substr(0, 200));
  }

  void read_values(const ::onnx::GraphProto& graph) {
    for (const auto& proto : graph.initializer()) {
      require<FormatError>(!proto.name().empty(), "an ONNX constant has no name");
      const Tensor value = detail::read_tensor(proto, limits_);
      define(proto.name(), value);
      capture_.name_constant(proto.name(), value);
    }
    for (const auto& input : graph.input()) {
      if (values_.contains(input.name())) continue;  // a default value of an input: a constant
      require<FormatError>(!input.name().empty(), "an input of the ONNX graph has no name");
      define(input.name(), capture_.input(input.name(), read_meta(input)));
    }
  }

  TensorMeta read_meta(const ::onnx::ValueInfoProto& input) const {
    require<UnsupportedError>(input.type().has_tensor_type(), "ONNX input '{}' is not a tensor",
                              input.name());
    const auto& type = input.type().tensor_type();
    const DType dtype = dtype_from_onnx(type.elem_type());
    const auto given = options_.input_shapes.find(input.name());
    if (given != options_.input_shapes.end()) return {given->second, dtype};
    require<UnsupportedError>(
        type.has_shape(), "ONNX input '{}' has no shape; give one when importing", input.name());
    std::vector<std::int64_t> known, shape;
    for (const auto& dim : type.shape().dim()) {
      require<UnsupportedError>(dim.has_dim_value() || shape.empty(),
                                "dimension {} of ONNX input '{}' is unknown; only the leading one "
                                "may be, give a shape when importing",
                                shape.size(), input.name());
      shape.push_back(dim.has_dim_value() ? dim.dim_value() : kDynamic);
      if (dim.has_dim_value()) known.push_back(dim.dim_value());
    }
    (void)detail::read_shape(known, input.name(), limits_);
    return {Shape(shape.begin(), shape.end()), dtype};
  }

  void read_node(const NodeProto& node) {
    const OpSchema* schema = ::onnx::OpSchemaRegistry::Schema(node.op_type(), opset_);
    require<UnsupportedError>(schema != nullptr, "{}: opset {} has no such node",
                              name_of_node(node), opset_);
    try {
      schema->Verify(node);
    } catch (const std::exception& error) {
      raise<FormatError>("{}: {}", name_of_node(node), error.what());
    }
    std::vector<Tensor> inputs;
    for (const std::string& name : node.input()) {
      if (name.empty()) {
        inputs.emplace_back();
        continue;
      }
      const auto found = values_.find(name);
      require<FormatError>(found != values_.end(),
                           "{} reads '{}', which no input, constant or earlier node defines",
                           name_of_node(node), name.substr(0, 200));
      inputs.push_back(found->second);
    }
    const NodeReader reader(node, std::move(inputs), opset_);
    const TensorList outputs = run_node(reader);
    reader.check_all_read(*schema);
    for (int i = 0; i < node.output_size(); ++i) {
      if (node.output(i).empty()) continue;
      const auto at = static_cast<std::size_t>(i);
      require<UnsupportedError>(at < outputs.size() && outputs[at].defined(),
                                "{}: athanor does not compute its output {} ('{}')",
                                name_of_node(node), i, node.output(i).substr(0, 200));
      define(node.output(i), outputs[at]);
      capture_.rename(outputs[at], node.output(i));
    }
  }

  TensorList run_node(const NodeReader& reader) const {
    const NodeProto& node = reader.node();
    try {
      if (const auto plumbing = Plumbing::find(node.op_type())) return plumbing(reader, limits_);
      return (*readers().at(node.op_type()))(reader);
    } catch (const UnsupportedError&) {
      throw;
    } catch (const InternalError&) {
      throw;
    } catch (const OutOfMemoryError&) {
      throw;
    } catch (const Error& error) {
      raise<FormatError>("{}: {}", name_of_node(node), error.what());
    }
  }

  void read_outputs(const ::onnx::GraphProto& graph) {
    std::set<std::string> names;
    for (const auto& output : graph.output()) {
      const auto found = values_.find(output.name());
      require<FormatError>(found != values_.end(), "nothing computes the ONNX output '{}'",
                           output.name().substr(0, 200));
      require<FormatError>(names.insert(output.name()).second,
                           "the ONNX output '{}' is there twice", output.name().substr(0, 200));
      capture_.output(output.name(), found->second);
    }
  }

  OnnxInfo describe_model() const {
    OnnxInfo info{.opset = opset_,
                  .producer = model_.producer_name(),
                  .doc = model_.graph().doc_string(),
                  .metadata = {}};
    for (const auto& entry : model_.metadata_props()) info.metadata[entry.key()] = entry.value();
    return info;
  }

  const OnnxImportOptions& options_;
  const OnnxLimits& limits_;
  ::onnx::ModelProto model_;
  int opset_ = 0;
  graph::Capture capture_;
  std::unordered_map<std::string, Tensor> values_;
};

}  // namespace

graph::Graph import_onnx(std::span<const std::uint8_t> bytes, const OnnxImportOptions& options,
                         OnnxInfo* info) {
  return Importer(options).run(bytes, info);
}

}  // namespace athanor::io
