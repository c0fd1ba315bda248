#include <memory>

#include "athanor/autograd/node.hpp"
#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::autograd {

namespace {

// The gradient by one input: an expression of those inputs that it reads and, last, of the
// gradient by the output.
struct Gradient {
  Expr e;
  SmallVector<int, 4> arguments;  // input k, or the number of inputs for the output's gradient
  bool zero = false;
  bool passes = false;  // the output's gradient itself
};

struct Derived {
  std::vector<Gradient> gradients;
  Saves saves;
};

Derived derive(const OpDef& op, const Attrs& attrs, std::size_t inputs) {
  require<UnsupportedError>(inputs < 64, "{}: {} inputs; at most 63 have a gradient", op.name,
                            inputs);
  Derived d;
  const Expr formula = op.formula(attrs);
  const Expr g = Expr::argument(static_cast<int>(inputs));
  for (std::size_t i = 0; i < inputs; ++i) {
    const Expr e = g * derivative(formula, static_cast<int>(i));
    Gradient gradient;
    gradient.zero = e.is_constant(0);
    gradient.passes = same(e, g);
    const std::uint64_t used = argument_mask(e);
    std::vector<Expr> places(inputs + 1, Expr(0.0));
    // The output's gradient comes first: the main input of the fused op is then always floating,
    // also where the op itself begins with a condition.
    for (std::size_t n = 0; n <= inputs; ++n) {
      const std::size_t k = n == 0 ? inputs : n - 1;
      if (!((used >> k) & 1u)) continue;
      places[k] = Expr::argument(static_cast<int>(gradient.arguments.size()));
      gradient.arguments.push_back(static_cast<int>(k));
      if (k < inputs) d.saves.inputs_mask |= k < 32 ? 1u << k : ~0u;
    }
    gradient.e = substitute(e, places);
    d.gradients.push_back(std::move(gradient));
  }
  return d;
}

// Kept for each thread: one entry for each op without attributes, a small table for the others.
const Derived& derived(const OpDef& op, const Attrs& attrs, std::size_t inputs) {
  if (!is_registered(op)) {
    thread_local Derived fresh;
    return fresh = derive(op, attrs, inputs);
  }
  if (!op.formula.parametric()) {
    thread_local std::vector<std::unique_ptr<const Derived>> fixed;
    if (fixed.size() <= op.index) fixed.resize(op.index + std::size_t{1});
    auto& slot = fixed[op.index];
    if (!slot) slot = std::make_unique<const Derived>(derive(op, attrs, inputs));
    return *slot;
  }
  struct Recent {
    const OpDef* op = nullptr;
    std::size_t inputs = 0;
    Attrs attrs;
    Derived derived;
  };
  thread_local std::array<Recent, 64> recent;
  Recent& slot = recent[mix(attrs.hash() + op.index, inputs) % recent.size()];
  if (slot.op != &op || slot.inputs != inputs || !(slot.attrs == attrs))
    slot = {&op, inputs, attrs, derive(op, attrs, inputs)};
  return slot.derived;
}

}  // namespace

Saves derived_saves(const OpDef& op, const Attrs& attrs, std::size_t inputs) {
  return derived(op, attrs, inputs).saves;
}

TensorList derived_vjp(const OpDef& op, const Vjp& v) {
  const int inputs = v.input_count();
  // A copy where the entry may be replaced by the ops that run below.
  std::vector<Gradient> own;
  const std::vector<Gradient>* gradients =
      &derived(op, v.attrs(), static_cast<std::size_t>(inputs)).gradients;
  if (op.formula.parametric() || !is_registered(op)) {
    own = *gradients;
    gradients = &own;
  }
  const Tensor grad = v.grad();
  TensorList out(static_cast<std::size_t>(inputs));
  for (int i = 0; i < inputs; ++i) {
    const Gradient& gradient = (*gradients)[static_cast<std::size_t>(i)];
    if (!v.needs(i) || gradient.zero) continue;
    Tensor g = grad;
    if (!gradient.passes) {
      SmallVector<Tensor, 4> arguments;
      for (const int k : gradient.arguments) arguments.push_back(k < inputs ? v.input(k) : grad);
      g = ops::pointwise(arguments, gradient.e);
    }
    const TensorMeta& meta = v.meta(i);
    if (!(g.shape() == meta.shape)) g = ops::sum_to(g, meta.shape);
    if (g.dtype() != meta.dtype) g = ops::cast(g, meta.dtype);
    out[static_cast<std::size_t>(i)] = std::move(g);
  }
  return out;
}

}  // namespace athanor::autograd
