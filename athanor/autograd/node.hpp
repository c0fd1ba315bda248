#pragma once

#include <memory>
#include <string>
#include <vector>

#include "athanor/autograd/autograd.hpp"

namespace athanor::autograd {

/// The hooks of one tensor, shared by its handles and the node that made it.
class Hooks final : public RefCounted {
 public:
  std::uint64_t add(Hook hook);
  bool remove(std::uint64_t id);
  bool empty() const { return items_.empty(); }
  /// The gradient after all hooks. Throws ShapeError, DTypeError for one of another shape or dtype.
  Tensor run(Tensor grad) const;

 private:
  std::vector<std::pair<std::uint64_t, Hook>> items_;
  std::uint64_t next_ = 1;
};

/// One recorded call: {op, attrs, inputs}, the same record that a captured graph uses.
class Node final : public RefCounted {
 public:
  /// Where the gradient of an input goes: to output `index` of `node`, or to the leaf, or nowhere.
  struct Edge {
    Ref<Node> node;
    std::uint32_t index = 0;
    Ref<AutogradState> leaf;
    bool wanted() const { return node || leaf; }
  };
  /// A tensor kept for the gradient, with the version of its storage when it was kept.
  struct Saved {
    Tensor tensor;
    std::uint64_t version = 0;
  };

  Node(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs,
       const TensorList& outputs, Saves saves);

  const OpDef& op() const { return *op_; }
  const Attrs& attrs() const { return attrs_; }
  std::uint64_t sequence() const { return sequence_; }
  const SmallVector<Edge, 3>& edges() const { return edges_; }
  const TensorMeta& input_meta(int i) const { return input_metas_[static_cast<std::size_t>(i)]; }
  const TensorMeta& output_meta(int i) const { return output_metas_[static_cast<std::size_t>(i)]; }
  int output_count() const { return static_cast<int>(output_metas_.size()); }

  /// Checked access. Throws InternalError when it was not declared in saves, ValueError when it was
  /// overwritten or released.
  Tensor saved_input(int i) const;
  Tensor saved_output(int i) const;
  /// The hooks on output i, null for none.
  const Hooks* hooks(std::uint32_t i) const;
  void set_hooks(std::uint32_t i, Ref<Hooks> hooks);
  /// Keeps the record of an op that is not in the registry as long as the node.
  void keep(std::shared_ptr<const OpDef> op);
  /// Where the call was made, kept in anomaly mode; empty otherwise.
  std::string_view place() const;

  void release();
  bool released() const { return released_; }

 private:
  ~Node() override;
  Tensor checked(const Saved& saved, const char* kind, int i, bool declared) const;

  const OpDef* op_;
  Attrs attrs_;
  std::uint64_t sequence_;
  Saves saves_;
  bool released_ = false;
  SmallVector<Edge, 3> edges_;
  SmallVector<Saved, 3> inputs_;
  SmallVector<Saved, 1> outputs_;
  SmallVector<TensorMeta, 2> input_metas_;
  SmallVector<TensorMeta, 1> output_metas_;
  // What few nodes have.
  struct Extra {
    std::vector<std::pair<std::uint32_t, Ref<Hooks>>> hooks;
    std::shared_ptr<const OpDef> op;
    std::string place;
  };
  Extra& extra();
  std::unique_ptr<Extra> extra_;
};

/// Gives the outputs of floating dtype the history of the node.
void attach(const Ref<Node>& node, TensorList& outputs);

/// The gradient of a node's call by its inputs, through the op's vjp or the derivative of its
/// formula.
TensorList call_vjp(const Node& node, std::span<const Tensor> grads);

/// Which inputs the derivative of a formula reads.
Saves derived_saves(const OpDef& op, const Attrs& attrs, std::size_t inputs);
/// The vjp of a formula: one fused pointwise op for each input, summed to the input's shape.
TensorList derived_vjp(const OpDef& op, const Vjp& v);

}  // namespace athanor::autograd
