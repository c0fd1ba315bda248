#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <set>
#include <unordered_map>
#include <unordered_set>

#include "athanor/base/error.hpp"
#include "athanor/graph/capture.hpp"
#include "athanor/io/onnx/proto.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/core/onnx.hpp"

namespace athanor::io {

namespace {

using graph::Graph;
using graph::kNoValue;
using graph::ValueId;

/// Constants up to this size are shared when they are equal: axes, shapes, literals.
constexpr std::size_t kShared = 256;

class Exporter final : public OnnxWriter {
 public:
  Exporter(const Graph& graph, const OnnxExportOptions& options)
      : graph_(graph), options_(options) {}

  std::vector<std::uint8_t> run() {
    graph::verify(graph_);
    model_.set_ir_version(8);  // that of opset 17
    model_.set_producer_name(options_.producer);
    model_.set_producer_version(options_.producer_version);
    auto* opset = model_.add_opset_import();
    opset->set_domain("");
    opset->set_version(kOnnxOpset);
    out_ = model_.mutable_graph();
    out_->set_name(options_.graph_name);
    out_->set_doc_string(options_.doc);
    for (const auto& [key, value] : options_.metadata) {
      auto* entry = model_.add_metadata_props();
      entry->set_key(key);
      entry->set_value(value);
    }

    // The names that callers know are taken first; those of nodes give way.
    for (ValueId id : graph_.inputs) taken_.insert(graph_[id].name);
    for (const auto& output : graph_.outputs) taken_.insert(output.name);
    for (ValueId id : graph_.constants()) taken_.insert(graph_[id].name);
    Environment values(graph_.values.size());
    for (ValueId id : graph_.inputs) {
      const auto& value = graph_[id];
      values[id] = {value.name, Tensor::symbolic(value.meta.shape, value.meta.dtype, nullptr)};
      declare(*out_->add_input(), value.name, value.meta);
    }
    for (ValueId id : graph_.constants()) {
      initializer(graph_[id].name, graph_[id].constant);
      values[id] = {graph_[id].name, graph_[id].constant};
    }
    write_nodes(graph_, values, true);
    refuse_unsupported();
    write_outputs(values);
    drop_unread_constants();
    return serialized();
  }

  OnnxNames nodes(const std::string& type, const OnnxNames& inputs, const OnnxAttrs& attrs,
                  int outputs) override {
    ::onnx::NodeProto* node = out_->add_node();
    const std::string stem = unique(scope_ + "/" + type);
    node->set_name(stem);
    node->set_op_type(type);
    std::size_t count = inputs.size();
    while (count > 0 && inputs[count - 1].empty()) --count;  // absent ones at the end are left out
    for (std::size_t i = 0; i < count; ++i) node->add_input(inputs[i]);
    OnnxNames names;
    for (int i = 0; i < outputs; ++i) {
      names.push_back(i == 0 ? stem : unique(fmt::format("{}:{}", stem, i)));
      node->add_output(names.back());
    }
    for (const auto& [name, value] : attrs) write_attribute(name, value, *node->add_attribute());
    return names;
  }

  std::string constant(const Tensor& value) override {
    const auto bytes = value.to_bytes();
    std::string key;
    if (bytes.size() <= kShared) {
      key = describe(value) + std::string(bytes.begin(), bytes.end());
      const auto known = shared_.find(key);
      if (known != shared_.end()) return known->second;
    }
    const std::string name = unique("constant");
    initializer(name, value);
    if (!key.empty()) shared_.emplace(std::move(key), name);
    return name;
  }

 private:
  struct Named {
    std::string name;
    Tensor tensor;  // symbolic, or a constant
  };
  using Environment = std::vector<Named>;

  std::string unique(const std::string& wanted) {
    if (taken_.insert(wanted).second) return wanted;
    for (int& i = next_.try_emplace(wanted, 2).first->second;; ++i) {
      std::string name = fmt::format("{}_{}", wanted, i);
      if (taken_.insert(name).second) return name;
    }
  }

  void initializer(const std::string& name, const Tensor& value) {
    ::onnx::TensorProto* tensor = out_->add_initializer();
    tensor->set_name(name);
    detail::write_tensor(value, *tensor);
    bytes_ += tensor->raw_data().size();
    require<UnsupportedError>(bytes_ < 0x7f000000,
                              "the weights have more than 2 GiB, which one ONNX file cannot hold");
  }

  static void write_attribute(const std::string& name, const OnnxAttr& value,
                              ::onnx::AttributeProto& out) {
    using ::onnx::AttributeProto;
    out.set_name(name);
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, std::int64_t>) {
            out.set_type(AttributeProto::INT);
            out.set_i(v);
          } else if constexpr (std::is_same_v<T, double>) {
            out.set_type(AttributeProto::FLOAT);
            out.set_f(static_cast<float>(v));
          } else if constexpr (std::is_same_v<T, std::string>) {
            out.set_type(AttributeProto::STRING);
            out.set_s(v);
          } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
            out.set_type(AttributeProto::INTS);
            for (std::int64_t i : v) out.add_ints(i);
          } else if constexpr (std::is_same_v<T, std::vector<double>>) {
            out.set_type(AttributeProto::FLOATS);
            for (double d : v) out.add_floats(static_cast<float>(d));
          } else {
            out.set_type(AttributeProto::TENSOR);
            detail::write_tensor(v, *out.mutable_t());
          }
        },
        value);
  }

  static void declare(::onnx::ValueInfoProto& out, const std::string& name,
                      const TensorMeta& meta) {
    out.set_name(name);
    auto* type = out.mutable_type()->mutable_tensor_type();
    type->set_elem_type(static_cast<std::int32_t>(onnx_type(meta.dtype)));
    auto* shape = type->mutable_shape();  // rank 0 has a shape too
    for (std::int64_t d : meta.shape) {
      auto* dim = shape->add_dim();
      if (d == kDynamic) {
        dim->set_dim_param("batch");
      } else {
        dim->set_dim_value(d);
      }
    }
  }

  // Writes every call of a graph: of the whole one, or of a lowering.
  void write_nodes(const Graph& graph, Environment& values, bool whole) {
    for (const graph::Node& node : graph.nodes) {
      if (whole) scope_ = graph[node.outputs[0]].name;
      OnnxNames names;
      TensorList inputs, outputs;
      for (ValueId id : node.inputs) {
        names.push_back(id == kNoValue ? std::string() : values[id].name);
        inputs.push_back(id == kNoValue ? Tensor() : values[id].tensor);
      }
      for (ValueId id : node.outputs) {
        const TensorMeta& meta = graph[id].meta;
        outputs.push_back(Tensor::symbolic(meta.shape, meta.dtype, nullptr));
      }
      const OnnxNames results = write_call(*node.op, node.attrs, names, inputs, outputs);
      for (std::size_t i = 0; i < node.outputs.size(); ++i)
        values[node.outputs[i]] = {results[i], outputs[i]};
    }
  }

  OnnxNames write_call(const OpDef& op, const Attrs& attrs, OnnxNames names, TensorList inputs,
                       const TensorList& outputs) {
    if (const std::string reason = op.onnx.refusal(attrs); !reason.empty()) {
      unsupported_.insert(fmt::format("{} ({})", op.name, reason));
      return OnnxNames(outputs.size(), "unsupported");
    }
    switch (op.onnx.kind) {
      case OnnxMap::Kind::node: {
        if (op.pointwise()) cast_inputs(op, names, inputs);
        OnnxNames results = op.onnx.to(*this, {op, names, inputs, outputs, attrs});
        require<InternalError>(results.size() == outputs.size(),
                               "op {}: its ONNX mapping gives {} outputs in place of {}", op.name,
                               results.size(), outputs.size());
        return results;
      }
      case OnnxMap::Kind::lowering:
        if (op.formula)
          return {detail::write_formula(*this, op, op.formula(attrs), names, inputs, outputs[0])};
        if (op.lower) return write_lowering(op, attrs, names, inputs);
        raise<InternalError>("op {} is exported as its lowering, which it does not have", op.name);
      case OnnxMap::Kind::none:
      case OnnxMap::Kind::missing: break;
    }
    unsupported_.insert(fmt::format("{} (its record says nothing of ONNX)", op.name));
    return OnnxNames(outputs.size(), "unsupported");
  }

  // ONNX does not promote: inputs of several dtypes meet in the one that the op computes in.
  void cast_inputs(const OpDef& op, OnnxNames& names, TensorList& inputs) {
    const DType dtype = detail::compute_dtype(op, inputs);
    for (std::size_t i = op.result == ResultType::branch ? 1 : 0; i < inputs.size(); ++i) {
      if (inputs[i].dtype() == dtype) continue;
      names[i] = ops::onnx_cast(*this, names[i], inputs[i].dtype(), dtype);
      inputs[i] = Tensor::symbolic(inputs[i].shape(), dtype, nullptr);
    }
  }

  OnnxNames write_lowering(const OpDef& op, const Attrs& attrs, const OnnxNames& names,
                           const TensorList& inputs) {
    graph::Capture capture;
    TensorList symbols;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      symbols.push_back(inputs[i].defined()
                            ? capture.input(fmt::format("input_{}", i), meta_of(inputs[i]))
                            : Tensor());
    TensorList results;
    {
      const NoGrad no_grad;
      const InterpreterScope scope(capture, InterpreterScope::Place::below_tape);
      results = op.lower(symbols, attrs);
    }
    for (std::size_t i = 0; i < results.size(); ++i)
      capture.output(fmt::format("output_{}", i), results[i]);
    const Graph inner = capture.finish();
    Environment values(inner.values.size());
    for (std::size_t i = 0, next = 0; i < inputs.size(); ++i)
      if (inputs[i].defined()) values[inner.inputs[next++]] = {names[i], inputs[i]};
    for (ValueId id : inner.constants())
      values[id] = {constant(inner[id].constant), inner[id].constant};
    write_nodes(inner, values, false);
    OnnxNames out;
    for (const auto& output : inner.outputs) out.push_back(values[output.value].name);
    return out;
  }

  void refuse_unsupported() const {
    if (unsupported_.empty()) return;
    std::string list;
    for (const std::string& item : unsupported_) list += (list.empty() ? "" : ", ") + item;
    raise<UnsupportedError>("ops that ONNX opset {} cannot express: {}", kOnnxOpset, list);
  }

  // The name of a value becomes the name of the output where it can; the other cases (an input or
  // a constant that is returned, a value that is returned twice) take an Identity node.
  void write_outputs(Environment& values) {
    std::unordered_set<std::string> fixed;
    for (ValueId id : graph_.inputs) fixed.insert(graph_[id].name);
    for (const auto& tensor : out_->initializer()) fixed.insert(tensor.name());
    std::unordered_map<std::string, std::string> renamed;
    std::vector<std::pair<std::string, std::string>> copies;
    for (const auto& output : graph_.outputs) {
      const std::string& name = values[output.value].name;
      declare(*out_->add_output(), output.name, graph_[output.value].meta);
      if (name == output.name) continue;
      if (fixed.contains(name) || !renamed.try_emplace(name, output.name).second)
        copies.emplace_back(name, output.name);
    }
    const auto rename = [&](std::string* name) {
      const auto found = renamed.find(*name);
      if (found != renamed.end()) *name = found->second;
    };
    for (auto& node : *out_->mutable_node()) {
      for (auto& name : *node.mutable_input()) rename(&name);
      for (auto& name : *node.mutable_output()) rename(&name);
    }
    for (auto& [from, to] : copies) {
      rename(&from);
      ::onnx::NodeProto* node = out_->add_node();
      node->set_name(unique(to + "/Identity"));
      node->set_op_type("Identity");
      node->add_input(from);
      node->add_output(to);
    }
  }

  // A mapping that read the data of a constant may have left the constant itself unread.
  void drop_unread_constants() {
    std::unordered_set<std::string> read;
    for (const auto& node : out_->node())
      for (const auto& name : node.input()) read.insert(name);
    for (const auto& output : out_->output()) read.insert(output.name());
    auto* all = out_->mutable_initializer();
    int kept = 0;
    for (int i = 0; i < all->size(); ++i)
      if (read.contains(all->Get(i).name())) all->SwapElements(kept++, i);
    all->DeleteSubrange(kept, all->size() - kept);
  }

  std::vector<std::uint8_t> serialized() const {
    const std::size_t size = model_.ByteSizeLong();
    require<UnsupportedError>(size < 0x7fffffff,
                              "the model has {} bytes; one ONNX file holds less than 2 GiB", size);
    std::vector<std::uint8_t> bytes(size);
    google::protobuf::io::ArrayOutputStream stream(bytes.data(), static_cast<int>(size));
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    ATH_ASSERT(model_.SerializeToCodedStream(&coded));
    return bytes;
  }

  const Graph& graph_;
  const OnnxExportOptions& options_;
  ::onnx::ModelProto model_;
  ::onnx::GraphProto* out_ = nullptr;
  std::string scope_;
  std::uint64_t bytes_ = 0;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> next_;
  std::unordered_map<std::string, std::string> shared_;
  std::set<std::string> unsupported_;
};

}  // namespace

std::vector<std::uint8_t> export_onnx(const Graph& graph, const OnnxExportOptions& options) {
  return Exporter(graph, options).run();
}

}  // namespace athanor::io
