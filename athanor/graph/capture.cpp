#include "athanor/graph/capture.hpp"

#include <algorithm>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"

namespace athanor::graph {

/// What Tensor::impl().symbol points to.
struct Capture::Symbol final : RefCounted {
  Symbol(const Capture* o, ValueId i) : owner(o), id(i) {}
  const Capture* owner;
  ValueId id;
};

std::size_t Capture::KeyHash::operator()(const ConstantKey& key) const {
  std::uint64_t h = mix(key.storage, static_cast<std::uint64_t>(key.offset));
  for (std::int64_t d : key.shape) h = mix(h, static_cast<std::uint64_t>(d));
  for (std::int64_t d : key.strides) h = mix(h, static_cast<std::uint64_t>(d));
  return mix(h, static_cast<std::uint64_t>(key.dtype));
}

Capture::ConstantKey Capture::key_of(const Tensor& t) {
  if (t.is_symbolic())
    return {reinterpret_cast<std::uintptr_t>(t.impl().symbol.get()), 0, t.shape(), {}, t.dtype()};
  return {t.storage()->id(), t.offset(), t.shape(), t.strides(), t.dtype()};
}

std::string Capture::fresh_name(const std::string& wanted) {
  auto [at, fresh] = names_.try_emplace(wanted, 2);
  if (fresh) return wanted;
  while (true) {
    const std::string name = fmt::format("{}_{}", wanted, names_[wanted]++);
    if (names_.try_emplace(name, 2).second) return name;
  }
}

Tensor Capture::input(const std::string& name, const TensorMeta& meta) {
  require(!name.empty() && !taken(name), "capture: the input name '{}' is {}", name,
          name.empty() ? "empty" : "taken");
  require<ShapeError>(is_batch_shape(meta.shape),
                      "capture: input '{}' has shape {}; only its leading dimension may be unknown",
                      name, athanor::to_string(meta.shape));
  const ValueId id = graph_.add_value(fresh_name(name), meta);
  graph_.inputs.push_back(id);
  return Tensor::symbolic(meta.shape, meta.dtype, make_ref<Symbol>(this, id));
}

void Capture::name_constant(const std::string& name, const Tensor& tensor) {
  require(!taken(name), "capture: the name '{}' is taken", name);
  require(tensor.defined() && !tensor.is_symbolic(), "capture: '{}' has no values", name);
  // Two names for one tensor (tied weights): the first stays.
  if (constant_names_.try_emplace(key_of(tensor), name).second) names_.emplace(name, 2);
}

void Capture::rename(const Tensor& tensor, const std::string& name) {
  if (name.empty() || taken(name) || !tensor.defined() || !tensor.is_symbolic()) return;
  const ValueId id = value_of(tensor);
  // An op may hand back its input; an input keeps the name that callers know it by.
  if (std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end()) return;
  Value& value = graph_.values[id];
  names_.erase(value.name);
  value.name = fresh_name(name);
}

void Capture::output(const std::string& name, const Tensor& tensor) {
  require(tensor.defined(), "capture: output '{}' is undefined", name);
  graph_.outputs.push_back({name, value_of(tensor)});
}

Graph Capture::finish() {
  Graph graph = std::exchange(graph_, {});
  constants_.clear();
  names_.clear();
  if (!nested_) verify(graph);  // constants may be symbolic there
  return graph;
}

bool Capture::owns(const Tensor& tensor) const {
  const auto* symbol = tensor.defined() && tensor.is_symbolic()
                           ? dynamic_cast<const Symbol*>(tensor.impl().symbol.get())
                           : nullptr;
  return symbol && symbol->owner == this;
}

ValueId Capture::value_of(const Tensor& tensor) {
  if (!tensor.defined()) return kNoValue;
  if (tensor.is_symbolic() && !(nested_ && !owns(tensor))) {
    const auto* symbol = dynamic_cast<const Symbol*>(tensor.impl().symbol.get());
    require(symbol && symbol->owner == this && symbol->id < graph_.values.size(),
            "capture: {} belongs to another capture", describe(tensor));
    return symbol->id;
  }
  const ConstantKey key = key_of(tensor);
  const auto known = constants_.find(key);
  if (known != constants_.end()) return known->second;
  const auto named = constant_names_.find(key);
  std::string name = named != constant_names_.end() ? named->second : fresh_name("constant");
  const ValueId id =
      graph_.add_value(std::move(name), meta_of(tensor), nested_ ? tensor : tensor.detach());
  constants_.emplace(key, id);
  return id;
}

TensorList Capture::run_now(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) {
  if (!op.view) {
    SmallVector<TensorMeta, 4> metas;
    for (const Tensor& t : inputs) metas.push_back(meta_of(t));
    for (const TensorMeta& meta : infer(op, metas, attrs)) {
      const std::uint64_t bytes =
          static_cast<std::uint64_t>(element_count(meta.shape)) * size_of(meta.dtype);
      folded_ += bytes;
      require<UnsupportedError>(
          bytes <= limits_.folded_bytes && folded_ <= limits_.folded_bytes,
          "capture: constants computed from constants need more than {} bytes ({} gives {}{})",
          limits_.folded_bytes, op.name, name_of(meta.dtype), athanor::to_string(meta.shape));
    }
  }
  return dispatch(op, inputs, attrs);
}

TensorList Capture::run(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) {
  check_call(op, inputs);
  bool symbolic = false, own = false;
  for (const Tensor& t : inputs) {
    symbolic = symbolic || (t.defined() && t.is_symbolic());
    own = own || owns(t);
  }
  if (!symbolic) return run_now(op, inputs, attrs);
  if (nested_ && !own) return dispatch(op, inputs, attrs);  // for the capture around this one

  Node node{.op = &op, .attrs = attrs, .inputs = {}, .outputs = {}};
  for (const Tensor& t : inputs) node.inputs.push_back(value_of(t));
  const MetaList metas = infer_node(graph_, node);
  for (const TensorMeta& meta : metas)
    require<ShapeError>(is_batch_shape(meta.shape),
                        "{}: its result would be {}, and only the leading dimension may be known "
                        "at run time alone; give the shapes of the inputs",
                        op.name, athanor::to_string(meta.shape));
  TensorList outputs;
  const auto& declared = op.signature.outputs;
  for (std::size_t i = 0; i < metas.size(); ++i) {
    std::string name(op.name);
    if (metas.size() > 1) name += "_" + declared[std::min(i, declared.size() - 1)];
    while (name.ends_with('.')) name.pop_back();  // a variadic output
    const ValueId id = graph_.add_value(fresh_name(name), metas[i]);
    node.outputs.push_back(id);
    outputs.push_back(Tensor::symbolic(metas[i].shape, metas[i].dtype, make_ref<Symbol>(this, id)));
  }
  graph_.nodes.push_back(std::move(node));
  return outputs;
}

Graph capture(const std::function<TensorList(const TensorList&)>& function,
              std::span<const NamedMeta> inputs, const CaptureOptions& options) {
  Capture capture;
  TensorList symbols;
  for (const NamedMeta& input : inputs) symbols.push_back(capture.input(input.name, input.meta));
  for (const auto& [name, tensor] : options.parameters) capture.name_constant(name, tensor);
  TensorList results;
  {
    const NoGrad no_grad;
    const InterpreterScope scope(capture, InterpreterScope::Place::below_tape);
    results = function(symbols);
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string number = i == 0 ? "output" : fmt::format("output_{}", i);
    capture.output(i < options.output_names.size() ? options.output_names[i] : number, results[i]);
  }
  return capture.finish();
}

}  // namespace athanor::graph
