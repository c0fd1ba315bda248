#include "athanor/autograd/function.hpp"

#include "athanor/autograd/anomaly.hpp"
#include "athanor/autograd/node.hpp"
#include "athanor/base/error.hpp"

namespace athanor::autograd {

void Function::save(const Tensor& tensor) {
  require(tensor.defined(), "{}: save() was given an undefined tensor", name());
  saved_.push_back(
      {Saved::Kind::other, 0, tensor, tensor.is_symbolic() ? 0 : tensor.storage()->version()});
}

Tensor Function::saved(std::size_t i) const {
  require<IndexError>(i < saved_.size(), "{}: saved({}), but forward saved {} tensors", name(), i,
                      saved_.size());
  const Saved& s = saved_[i];
  if (call_ && s.kind == Saved::Kind::input) return call_->input(s.index);
  if (call_ && s.kind == Saved::Kind::output) return call_->output(s.index);
  require(s.tensor.is_symbolic() || s.tensor.storage()->version() == s.version,
          "backward: tensor {} saved by {} ({}) was overwritten since; clone it before the "
          "overwrite",
          i, name(), describe(s.tensor));
  return s.tensor;
}

namespace {

// The record of one call of a function, which the node owns.
struct Record {
  std::string name;
  OpDef op;
};

void check(std::string_view name, const TensorList& grads, const Vjp& v) {
  require(static_cast<int>(grads.size()) == v.input_count(),
          "{}: its backward returned {} gradients, and forward had {} inputs; return one for each, "
          "undefined where there is none",
          name, grads.size(), v.input_count());
  for (int i = 0; i < v.input_count(); ++i) {
    const Tensor& g = grads[static_cast<std::size_t>(i)];
    if (!g.defined()) continue;
    const TensorMeta& meta = v.meta(i);
    require<ShapeError>(g.shape() == meta.shape,
                        "{}: its backward returned {} for input {}, which has shape {}", name,
                        describe(g), i, to_string(meta.shape));
    require<DTypeError>(g.dtype() == meta.dtype,
                        "{}: its backward returned {} for input {}, which is {}", name, describe(g),
                        i, name_of(meta.dtype));
  }
}

template <class List>
int index_of(const List& tensors, const Tensor& tensor) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].defined() && tensors[i].same(tensor)) return static_cast<int>(i);
  return -1;
}

}  // namespace

TensorList apply(std::shared_ptr<Function> function, std::span<const Tensor> inputs) {
  Function& f = *function;
  TensorList outputs;
  {
    const NoGrad no_grad;
    outputs = f.forward(inputs);
  }
  bool recorded = false;
  for (const Tensor& t : inputs) recorded = recorded || t.requires_grad();
  if (!recorded || !grad_enabled()) return outputs;

  Saves saves;
  for (Function::Saved& s : f.saved_) {
    const int input = index_of(inputs, s.tensor), output = index_of(outputs, s.tensor);
    if (input < 0 && output < 0) continue;
    // The tape keeps these: with their history, and without one that would own itself.
    s.kind = input >= 0 ? Function::Saved::Kind::input : Function::Saved::Kind::output;
    s.index = input >= 0 ? input : output;
    saves = saves | (input >= 0 ? Saves::input(input) : Saves::output(output));
    s.tensor = Tensor();
  }

  auto record = std::make_shared<Record>();
  record->name = f.name();
  record->op.name = record->name;
  record->op.index = std::numeric_limits<std::uint16_t>::max();
  record->op.vjp = [function, name = record->name](const Vjp& v) {
    TensorList grads;
    for (int i = 0; i < v.output_count(); ++i) grads.push_back(v.grad(i));
    struct Call {
      const Vjp*& slot;
      ~Call() { slot = nullptr; }
    } const call{function->call_ = &v};
    TensorList found = function->backward(grads);
    check(name, found, v);
    return found;
  };
  if (detect_anomaly()) check_outputs(record->op, inputs, outputs);
  for (Tensor& out : outputs)
    if (out.defined() && (out.impl().autograd || index_of(inputs, out) >= 0)) out = out.detach();
  const auto node = make_ref<Node>(record->op, inputs, Attrs(), outputs, saves);
  node->keep(std::shared_ptr<const OpDef>(record, &record->op));
  attach(node, outputs);
  return outputs;
}

}  // namespace athanor::autograd
