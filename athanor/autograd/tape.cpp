#include "athanor/autograd/anomaly.hpp"
#include "athanor/autograd/node.hpp"
#include "athanor/ops/registry.hpp"

namespace athanor::autograd {

namespace {

/// Records a call when an input requires a gradient.
class Tape final : public Interpreter {
 public:
  TensorList run(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) override {
    if (!wants_grad(inputs) || !op.no_gradient.empty()) return dispatch(op, inputs, attrs);
    if (!op.vjp && !op.formula) return run_lowering(op, inputs, attrs);
    TensorList outputs = dispatch(op, inputs, attrs);
    if (detect_anomaly()) [[unlikely]]
      check_outputs(op, inputs, outputs);
    const Saves saves = op.vjp ? op.saves : derived_saves(op, attrs, inputs.size());
    bool floating = false;
    for (Tensor& out : outputs) {
      if (!out.defined() || !is_floating(out.dtype())) continue;
      floating = true;
      // An op may hand back its input (contiguous on a contiguous tensor): the output needs a
      // history of its own.
      if (out.impl().autograd) out = out.detach();
    }
    if (floating) attach(make_ref<Node>(op, inputs, attrs, outputs, saves), outputs);
    return outputs;
  }

 private:
  static bool wants_grad(std::span<const Tensor> inputs) {
    if (!grad_enabled()) return false;
    for (const Tensor& t : inputs)
      if (t.requires_grad()) return true;
    return false;
  }

  // An op whose gradient is its lowering's: the ops of the lowering are recorded in its place.
  static TensorList run_lowering(const OpDef& op, std::span<const Tensor> inputs,
                                 const Attrs& attrs) {
    require<InternalError>(static_cast<bool>(op.lower), "op {} has no gradient", op.name);
    SmallVector<TensorMeta, 4> metas;
    for (const Tensor& t : inputs) metas.push_back(meta_of(t));
    (void)infer(op, metas, attrs);  // the op's own words for a refusal
    const FullStackScope scope;
    return op.lower(inputs, attrs);
  }
};

}  // namespace

Interpreter& tape() {
  static Tape instance;
  return instance;
}

}  // namespace athanor::autograd
