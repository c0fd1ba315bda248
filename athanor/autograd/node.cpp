#include "athanor/autograd/node.hpp"

#include <atomic>
#include <vector>

#include "athanor/autograd/anomaly.hpp"
#include "athanor/base/error.hpp"

namespace athanor::autograd {

namespace {

std::atomic<std::uint64_t> next_sequence{1};
std::atomic<std::size_t> live{0};

bool in_mask(std::uint32_t mask, std::size_t i) { return i < 32 ? (mask >> i) & 1u : mask == ~0u; }

// A chain of a million ops must not be destroyed by a million nested calls: nodes that die inside
// the destructor of another are put on this list and die one after the other.
thread_local std::vector<Ref<Node>>* graveyard = nullptr;

}  // namespace

std::size_t live_nodes() { return live.load(); }

Node::Node(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs,
           const TensorList& outputs, Saves saves)
    : op_(&op),
      attrs_(attrs),
      sequence_(next_sequence.fetch_add(1, std::memory_order_relaxed)),
      saves_(saves) {
  live.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i];
    input_metas_.push_back(meta_of(t));
    Edge edge;
    if (t.requires_grad()) {
      const AutogradState& state = *t.impl().autograd;
      if (state.node) {
        edge.node = Ref<Node>(static_cast<Node*>(state.node.get()));
        edge.index = state.output_index;
      } else {
        edge.leaf = t.impl().autograd;
      }
    }
    edges_.push_back(std::move(edge));
    if (in_mask(saves.inputs_mask, i) && t.defined()) {
      inputs_.push_back({t, t.is_symbolic() ? 0 : t.storage()->version()});
    } else {
      inputs_.push_back({});
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    output_metas_.push_back(meta_of(outputs[i]));
    if (in_mask(saves.outputs_mask, i)) {
      // Without history: the node would otherwise own itself through its output.
      const Tensor plain = outputs[i].detach();
      outputs_.push_back({plain, plain.is_symbolic() ? 0 : plain.storage()->version()});
    } else {
      outputs_.push_back({});
    }
  }
  if (detect_anomaly()) [[unlikely]]
    extra().place = call_place();
}

Node::Extra& Node::extra() {
  if (!extra_) extra_ = std::make_unique<Extra>();
  return *extra_;
}

const Hooks* Node::hooks(std::uint32_t i) const {
  if (extra_)
    for (const auto& [output, hooks] : extra_->hooks)
      if (output == i) return hooks.get();
  return nullptr;
}

void Node::set_hooks(std::uint32_t i, Ref<Hooks> hooks) {
  extra().hooks.emplace_back(i, std::move(hooks));
}

void Node::keep(std::shared_ptr<const OpDef> op) { extra().op = std::move(op); }

std::string_view Node::place() const { return extra_ ? extra_->place : std::string_view(); }

Node::~Node() {
  live.fetch_sub(1, std::memory_order_relaxed);
  std::vector<Ref<Node>> own;
  const bool outermost = graveyard == nullptr;
  if (outermost) graveyard = &own;
  for (Edge& edge : edges_)
    if (edge.node) graveyard->push_back(std::move(edge.node));
  for (Saved& saved : inputs_) {
    // A saved input may be the last handle of the tensor that holds the earlier node.
    if (saved.tensor.defined() && saved.tensor.ref()->use_count() == 1 &&
        saved.tensor.impl().autograd && saved.tensor.impl().autograd->node &&
        saved.tensor.impl().autograd->use_count() == 1)
      graveyard->push_back(Ref<Node>(static_cast<Node*>(saved.tensor.impl().autograd->node.get())));
  }
  if (!outermost) return;
  inputs_.clear();
  while (!own.empty()) {
    Ref<Node> node = std::move(own.back());
    own.pop_back();
  }
  graveyard = nullptr;
}

void attach(const Ref<Node>& node, TensorList& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].defined() || !is_floating(outputs[i].dtype())) continue;
    auto state = make_ref<AutogradState>();
    state->requires_grad = true;
    state->node = node;
    state->output_index = static_cast<std::uint32_t>(i);
    outputs[i].impl().autograd = std::move(state);
  }
}

void Node::release() {
  released_ = true;
  inputs_.clear();
  outputs_.clear();
}

Tensor Node::checked(const Saved& saved, const char* kind, int i, bool declared) const {
  require<InternalError>(declared,
                         "op {}: its gradient reads {} {}, which it does not declare in saves",
                         op_->name, kind, i);
  if (saved.tensor.defined() && !saved.tensor.is_symbolic() &&
      saved.tensor.storage()->version() != saved.version) [[unlikely]]
    raise<ValueError>(
        "backward: {} {} of {} ({}) was overwritten after the op had run; clone it before the "
        "overwrite",
        kind, i, op_->name, describe(saved.tensor));
  return saved.tensor;
}

Tensor Node::saved_input(int i) const {
  return checked(inputs_[static_cast<std::size_t>(i)], "input", i,
                 in_mask(saves_.inputs_mask, static_cast<std::size_t>(i)));
}

Tensor Node::saved_output(int i) const {
  Tensor plain = checked(outputs_[static_cast<std::size_t>(i)], "output", i,
                         in_mask(saves_.outputs_mask, static_cast<std::size_t>(i)));
  if (!grad_enabled()) return plain;
  // With its history again, so that the gradient of the gradient sees it.
  Tensor attached = plain.detach();
  auto state = make_ref<AutogradState>();
  state->requires_grad = true;
  state->node = Ref<RefCounted>(const_cast<Node*>(this));
  state->output_index = static_cast<std::uint32_t>(i);
  attached.impl().autograd = std::move(state);
  return attached;
}

namespace {

class NodeVjp final : public Vjp {
 public:
  NodeVjp(const Node& node, std::span<const Tensor> grads) : node_(node), grads_(grads) {
    inputs_.resize(node.edges().size());
    outputs_.resize(static_cast<std::size_t>(node.output_count()));
  }
  const Tensor& input(int i) const override {
    Tensor& slot = inputs_[static_cast<std::size_t>(i)];
    if (!slot.defined()) slot = node_.saved_input(i);
    return slot;
  }
  const Tensor& output(int i) const override {
    Tensor& slot = outputs_[static_cast<std::size_t>(i)];
    if (!slot.defined()) slot = node_.saved_output(i);
    return slot;
  }
  Tensor grad(int i) const override {
    if (has_grad(i)) return grads_[static_cast<std::size_t>(i)];
    const TensorMeta& meta = node_.output_meta(i);
    return Tensor::zeros(meta.shape, meta.dtype);
  }
  bool has_grad(int i) const override { return grads_[static_cast<std::size_t>(i)].defined(); }
  bool needs(int i) const override { return node_.edges()[static_cast<std::size_t>(i)].wanted(); }
  const TensorMeta& meta(int i) const override { return node_.input_meta(i); }
  int input_count() const override { return static_cast<int>(node_.edges().size()); }
  int output_count() const override { return node_.output_count(); }
  const Attrs& attrs() const override { return node_.attrs(); }

 private:
  const Node& node_;
  std::span<const Tensor> grads_;
  mutable TensorList inputs_, outputs_;
};

}  // namespace

TensorList call_vjp(const Node& node, std::span<const Tensor> grads) {
  const NodeVjp v(node, grads);
  if (node.op().vjp) return node.op().vjp(v);
  return derived_vjp(node.op(), v);
}

}  // namespace athanor::autograd
