#include "athanor/ops/registry.hpp"

#include <mutex>

#include "athanor/base/error.hpp"

namespace athanor {

namespace {

// What is derived from a record, and the promises that every record keeps.
void complete(OpDef& op) {
  const int meanings = static_cast<bool>(op.formula) + static_cast<bool>(op.lower) +
                       static_cast<bool>(op.view) + op.kernels_only;
  require<InternalError>(
      meanings == 1,
      "op {}: exactly one of formula, lower, view, kernels_only is needed, {} are there", op.name,
      meanings);
  require<InternalError>(!op.doc.empty(), "op {} has no doc", op.name);
  require<InternalError>(op.infer || op.formula, "op {} has no infer", op.name);
  require<InternalError>(!op.kernels_only || op.reference,
                         "op {} has kernels only and no reference", op.name);
  require<InternalError>(static_cast<bool>(op.samples), "op {} has no samples", op.name);
  require<InternalError>(op.onnx.kind != OnnxMap::Kind::missing,
                         "op {} does not say how it maps to ONNX", op.name);
  require<InternalError>(op.vjp || op.formula || op.lower || !op.no_gradient.empty(),
                         "op {} has no gradient and gives no reason", op.name);
  if (op.formula) {
    op.layout = Layout::follows;
    op.shard = Shard::pointwise;
  }
  for (auto& [type, from] : op.onnx.from) {
    if (from) continue;
    const OpDef* self = &op;
    from = [self](const OnnxReader& node) {
      TensorList inputs;
      for (int i = 0; i < node.input_count(); ++i) inputs.push_back(node.input(i));
      return dispatch(*self, inputs, self->attrs());
    };
  }
}

struct Everything {
  Registry ops;
  KernelTable table;
};

Everything& everything() {
  // Never destroyed: threads may still run ops while the process ends.
  static Everything* instance = [] {
    auto* all = new Everything;
    ops::define_all(all->ops);
    for (const OpDef& op : all->ops) complete(const_cast<OpDef&>(op));
    all->table.resize(all->ops.size());
    return all;
  }();
  return *instance;
}

}  // namespace

const Registry& registry() { return everything().ops; }

const KernelTable& kernels() {
  // Apart from the registry: register_kernels looks ops up.
  static KernelTable& table = []() -> KernelTable& {
    KernelTable& t = everything().table;
    backends::cpu::register_kernels(t);
    set_default_interpreter(&autograd::tape());
    return t;
  }();
  return table;
}

}  // namespace athanor
