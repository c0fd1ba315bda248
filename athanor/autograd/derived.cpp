#include <mutex>
#include <unordered_map>

#include "athanor/autograd/node.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::autograd {

namespace {

struct Derived {
  std::vector<Expr> gradients;  // g * d formula / d x_i, where g is the argument after the inputs
  Saves saves;
};

void mark_arguments(const Expr& e, std::uint32_t& mask) {
  if (e.op() == ScalarOp::argument) mask |= 1u << e.index();
  for (int i = 0; i < operand_count(e.op()); ++i) mark_arguments(e.operand(i), mask);
}

Derived derive(const OpDef& op, const Attrs& attrs, std::size_t inputs) {
  Derived d;
  const Expr formula = op.formula(attrs);
  const Expr g = Expr::argument(static_cast<int>(inputs));
  for (std::size_t i = 0; i < inputs; ++i) {
    d.gradients.push_back(g * derivative(formula, static_cast<int>(i)));
    mark_arguments(d.gradients.back(), d.saves.inputs_mask);
  }
  d.saves.inputs_mask &= ~(1u << inputs);
  return d;
}

// One entry for each op without attributes, made at the first use.
const Derived& derived(const OpDef& op, const Attrs& attrs, std::size_t inputs, Derived& local) {
  if (op.formula.parametric()) return local = derive(op, attrs, inputs);
  static std::mutex mutex;
  static std::unordered_map<int, Derived> cache;
  thread_local std::vector<const Derived*> fast;
  if (fast.size() <= op.index) fast.resize(registry().size());
  if (!fast[op.index]) {
    const std::lock_guard lock(mutex);
    auto [at, fresh] = cache.try_emplace(op.index);
    if (fresh) at->second = derive(op, attrs, inputs);
    fast[op.index] = &at->second;
  }
  return *fast[op.index];
}

}  // namespace

Saves derived_saves(const OpDef& op, const Attrs& attrs, std::size_t inputs) {
  Derived local;
  return derived(op, attrs, inputs, local).saves;
}

TensorList derived_vjp(const OpDef& op, const Vjp& v) {
  const int inputs = v.input_count();
  Derived local;
  const Derived& d = derived(op, v.attrs(), static_cast<std::size_t>(inputs), local);
  const Tensor grad = v.grad();
  TensorList out(static_cast<std::size_t>(inputs));
  for (int i = 0; i < inputs; ++i) {
    const Expr& e = d.gradients[static_cast<std::size_t>(i)];
    if (!v.needs(i) || e.is_constant(0)) continue;
    Tensor g = grad;
    if (e.op() != ScalarOp::argument || e.index() != inputs) {
      std::uint32_t used = 0;
      mark_arguments(e, used);
      // The expression's arguments, packed: unsaved inputs are not there.
      SmallVector<Tensor, 4> arguments;
      std::vector<Expr> places(static_cast<std::size_t>(inputs) + 1, Expr(0.0));
      for (int k = 0; k <= inputs; ++k) {
        if (!((used >> k) & 1u)) continue;
        places[static_cast<std::size_t>(k)] = Expr::argument(static_cast<int>(arguments.size()));
        arguments.push_back(k < inputs ? v.input(k) : grad);
      }
      g = ops::pointwise(arguments, substitute(e, places));
    }
    const TensorMeta& meta = v.meta(i);
    if (!(g.shape() == meta.shape)) g = ops::sum_to(g, meta.shape);
    if (g.dtype() != meta.dtype) g = ops::cast(g, meta.dtype);
    out[static_cast<std::size_t>(i)] = std::move(g);
  }
  return out;
}

}  // namespace athanor::autograd
