#include "athanor/graph/vmap.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "athanor/base/error.hpp"
#include "athanor/graph/capture.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::graph {

namespace {

Shape with_front(std::int64_t size, const Shape& shape) {
  Shape out{size};
  for (const std::int64_t d : shape) out.push_back(d);
  return out;
}

Shape without_front(const Shape& shape) { return Shape(shape.begin() + 1, shape.end()); }

// One call for a batch, with what all rules need.
class BatchedCall {
 public:
  BatchedCall(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
              std::span<const bool> batched, std::int64_t size)
      : op_(op), attrs_(attrs), inputs_(inputs), batched_(batched), size_(size) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      TensorMeta meta = meta_of(inputs[i]);
      if (batched[i]) meta.shape = without_front(meta.shape);
      examples_.push_back(std::move(meta));
    }
    results_ = infer(op, examples_, attrs);
  }

  TensorList run() const {
    require(!op_.random,
            "vmap: {} draws random numbers, which would be the same for every example; draw them "
            "outside and pass them in",
            op_.name);
    if (op_.pointwise()) return dispatch(op_, aligned(), attrs_);
    if (op_.name == "reshape" || op_.name == "flatten")
      return {ops::reshape(inputs_[0], with_front(size_, results_[0].shape))};
    if (op_.name == "expand") {
      const Tensor x = align(0, static_cast<std::int64_t>(results_[0].shape.size()));
      return {ops::expand(x, with_front(size_, results_[0].shape))};
    }
    if (op_.name == "sum_to") return sum_to();
    std::optional<TensorList> found;
    switch (op_.batching) {
      case Batching::axes: found = by_axes(); break;
      case Batching::leading: found = by_leading_axes(); break;
      case Batching::merged: found = by_merging(); break;
      case Batching::loop: break;
    }
    return found ? *std::move(found) : loop();
  }

 private:
  std::int64_t rank(std::size_t i) const {
    return static_cast<std::int64_t>(examples_[i].shape.size());
  }

  // Input i with axes of size 1 behind the batch axis until its examples have `wanted` axes.
  Tensor align(std::size_t i, std::int64_t wanted) const {
    if (!batched_[i] || rank(i) >= wanted) return inputs_[i];
    Shape shape{size_};
    for (std::int64_t d = rank(i); d < wanted; ++d) shape.push_back(1);
    for (const std::int64_t d : examples_[i].shape) shape.push_back(d);
    return ops::reshape(inputs_[i], shape);
  }

  TensorList aligned() const {
    std::int64_t most = 0;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].defined()) most = std::max(most, rank(i));
    TensorList out;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      out.push_back(inputs_[i].defined() ? align(i, most) : Tensor());
    return out;
  }

  TensorList sum_to() const {
    Shape shape{size_};
    for (std::size_t d = results_[0].shape.size(); d < examples_[0].shape.size(); ++d)
      shape.push_back(1);
    for (const std::int64_t d : results_[0].shape) shape.push_back(d);
    return {ops::reshape(ops::sum_to(inputs_[0], shape), with_front(size_, results_[0].shape))};
  }

  // The call, if the op says that it returns what is wanted: the examples' outputs with the batch
  // axis in front.
  std::optional<TensorList> if_it_fits(const TensorList& inputs, const Attrs& attrs) const {
    SmallVector<TensorMeta, 4> metas;
    for (const Tensor& t : inputs) metas.push_back(meta_of(t));
    MetaList found;
    try {
      found = infer(op_, metas, attrs);
    } catch (const Error&) {
      return {};  // the op does not take such inputs
    }
    if (found.size() != results_.size()) return {};
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i].dtype != results_[i].dtype ||
          found[i].shape != with_front(size_, results_[i].shape))
        return {};
    return dispatch(op_, inputs, attrs);
  }

  std::optional<TensorList> by_axes() const {
    TensorList inputs;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      inputs.push_back(batched_[i] || !inputs_[i].defined()
                           ? inputs_[i]
                           : ops::expand(ops::unsqueeze(inputs_[i], {0}),
                                         with_front(size_, examples_[i].shape)));
    for (const auto& attribute : op_.signature.attributes) {
      if (attribute.name == "axis") {
        const std::int64_t axis = attrs_.integer("axis");
        return if_it_fits(inputs, attrs_.with("axis", axis < 0 ? axis : axis + 1));
      }
      if (attribute.name != "axes") continue;
      const std::optional<Dims> axes = moved_axes(attrs_.dims("axes"));
      if (!axes) return {};
      if (axes->empty()) {  // nothing to do for a squeeze, nothing to reduce over in a number
        if (op_.name == "squeeze") return TensorList{inputs_[0]};
        return {};
      }
      return if_it_fits(inputs, attrs_.with("axes", *axes));
    }
    return {};
  }

  std::optional<Dims> moved_axes(const Dims& axes) const {
    Dims out;
    if (op_.name == "permute") out.push_back(0);
    if (axes.empty()) {
      if (op_.name == "roll") return {};  // of the flattened tensor
      for (std::int64_t d = 0; d < rank(0); ++d)
        if (op_.name != "squeeze" || examples_[0].shape[static_cast<std::size_t>(d)] == 1)
          out.push_back(d + 1);
      return out;
    }
    for (const std::int64_t axis : axes)
      out.push_back(axis >= 0 ? axis + 1 : op_.name == "permute" ? axis + rank(0) + 1 : axis);
    return out;
  }

  // For an op that treats its leading axes alike, where one input has the batch axis, or (matmul)
  // all of the same rank have.
  std::optional<TensorList> by_leading_axes() const {
    const bool several = std::count(batched_.begin(), batched_.end(), true) > 1;
    if (op_.name == "matmul") {
      if (rank(0) < 2 || rank(1) < 2) return {};
      return if_it_fits(aligned(), attrs_);
    }
    const bool second = op_.name == "embedding";
    if (several || !batched_[second ? 1 : 0]) return {};
    return if_it_fits(TensorList(inputs_.begin(), inputs_.end()), attrs_);
  }

  std::optional<TensorList> by_merging() const {
    const bool all = op_.name == "attention";  // queries, keys and values together
    TensorList inputs(inputs_.begin(), inputs_.end());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool merge = i == 0 || (all && i < 3);
      if (batched_[i] != merge) return {};
      if (!merge) continue;
      if (rank(i) < 1) return {};
      Shape shape = without_front(inputs_[i].shape());
      shape[0] *= size_;
      inputs[i] = ops::reshape(inputs_[i], shape);
    }
    TensorList outputs = dispatch(op_, inputs, attrs_);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      outputs[i] = ops::reshape(outputs[i], with_front(size_, results_[i].shape));
    return outputs;
  }

  TensorList loop() const {
    std::vector<TensorList> found(results_.size());
    for (std::int64_t k = 0; k < size_; ++k) {
      TensorList inputs;
      for (std::size_t i = 0; i < inputs_.size(); ++i)
        inputs.push_back(batched_[i] ? ops::squeeze(ops::slice(inputs_[i], 0, k, k + 1, 1), {0})
                                     : inputs_[i]);
      const TensorList outputs = dispatch(op_, inputs, attrs_);
      for (std::size_t i = 0; i < outputs.size(); ++i) found[i].push_back(outputs[i]);
    }
    TensorList out;
    for (const TensorList& list : found) out.push_back(ops::stack(list, 0));
    return out;
  }

  const OpDef& op_;
  const Attrs& attrs_;
  std::span<const Tensor> inputs_;
  std::span<const bool> batched_;
  std::int64_t size_;
  SmallVector<TensorMeta, 4> examples_;
  MetaList results_;
};

// One axis serves all.
std::int64_t axis_of(const Dims& axes, std::size_t i) {
  return axes.empty() ? 0 : axes.size() == 1 ? axes[0] : axes[i];
}

Tensor to_front(const Tensor& t, std::int64_t axis) {
  if (axis == 0) return t;
  Dims order{axis};
  for (std::int64_t d = 0; d < t.rank(); ++d)
    if (d != axis) order.push_back(d);
  return ops::permute(t, order);
}

Tensor from_front(const Tensor& t, std::int64_t axis) {
  Dims order;
  for (std::int64_t d = 1; d < t.rank(); ++d) order.push_back(d);
  order.insert(order.begin() + axis, std::int64_t{0});
  return axis == 0 ? t : ops::permute(t, order);
}

// The graph on the whole batch. A value without the batch axis stays without until it meets one.
TensorList run_batched(const Graph& graph, std::span<const Tensor> inputs,
                       std::span<const bool> given, std::int64_t size) {
  std::vector<Tensor> values(graph.values.size());
  std::vector<bool> batched(graph.values.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = graph.values[i].constant;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    values[graph.inputs[i]] = inputs[i];
    batched[graph.inputs[i]] = given[i];
  }
  for (const Node& node : graph.nodes) {
    TensorList arguments;
    const auto flags = std::make_unique<bool[]>(node.inputs.size());
    bool any = false;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      arguments.push_back(id == kNoValue ? Tensor() : values[id]);
      flags[i] = id != kNoValue && batched[id];
      any = any || flags[i];
    }
    const TensorList results =
        any ? batched_call(*node.op, node.attrs, arguments, {flags.get(), node.inputs.size()}, size)
            : dispatch(*node.op, arguments, node.attrs);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      values[node.outputs[i]] = results[i];
      batched[node.outputs[i]] = any;
    }
  }
  TensorList outputs;
  for (const Output& output : graph.outputs) {
    const Tensor& t = values[output.value];
    outputs.push_back(batched[output.value]
                          ? t
                          : ops::expand(ops::unsqueeze(t, {0}), with_front(size, t.shape())));
  }
  return outputs;
}

}  // namespace

TensorList batched_call(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                        std::span<const bool> batched, std::int64_t size) {
  return BatchedCall(op, attrs, inputs, batched, size).run();
}

TensorList vmap(const std::function<TensorList(const TensorList&)>& function,
                std::span<const Tensor> inputs, const VmapOptions& options) {
  require(!inputs.empty(), "vmap: no inputs");
  require(options.in_axes.size() <= 1 || options.in_axes.size() == inputs.size(),
          "vmap: in_axes has {} entries for {} inputs", options.in_axes.size(), inputs.size());
  TensorList fronted;
  const auto batched = std::make_unique<bool[]>(inputs.size());
  std::int64_t size = -1;
  std::size_t first = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    require(inputs[i].defined(), "vmap: input {} is undefined", i);
    std::int64_t axis = axis_of(options.in_axes, i);
    batched[i] = axis != kWhole;
    if (!batched[i]) {
      fronted.push_back(inputs[i]);
      continue;
    }
    require<ShapeError>(inputs[i].rank() > 0, "vmap: input {} ({}) has no axis of examples", i,
                        describe(inputs[i]));
    axis = normalize_axis(axis, inputs[i].rank(), "vmap");
    const std::int64_t here = inputs[i].dim(axis);
    require<ShapeError>(size < 0 || here == size,
                        "vmap: input {} ({}) has {} examples on axis {}, input {} has {}", i,
                        describe(inputs[i]), here, axis, first, size);
    if (size < 0) size = here, first = i;
    fronted.push_back(to_front(inputs[i], axis));
  }
  require(size >= 0, "vmap: none of the {} inputs has an axis of examples (in_axes)",
          inputs.size());
  require<ShapeError>(size > 0, "vmap: there are no examples: the axis has size 0");

  Capture capture;
  capture.nest();
  TensorList symbols;
  for (std::size_t i = 0; i < fronted.size(); ++i) {
    TensorMeta meta = meta_of(fronted[i]);
    if (batched[i]) meta.shape = without_front(meta.shape);
    symbols.push_back(capture.input(fmt::format("input_{}", i), meta));
  }
  TensorList results;
  {
    const InterpreterScope scope(capture, InterpreterScope::Place::below_tape);
    results = function(symbols);
  }
  require(!results.empty(), "vmap: the function returned nothing");
  require(options.out_axes.size() <= 1 || options.out_axes.size() == results.size(),
          "vmap: out_axes has {} entries for {} outputs", options.out_axes.size(), results.size());
  for (std::size_t i = 0; i < results.size(); ++i)
    capture.output(fmt::format("output_{}", i), results[i]);
  const Graph graph = capture.finish();
  TensorList outputs = run_batched(graph, fronted, {batched.get(), inputs.size()}, size);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    outputs[i] = from_front(outputs[i], normalize_axis(axis_of(options.out_axes, i),
                                                       outputs[i].rank(), "vmap: out_axes"));
  return outputs;
}

}  // namespace athanor::graph
