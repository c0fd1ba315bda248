#include <queue>
#include <unordered_map>

#include "athanor/autograd/anomaly.hpp"
#include "athanor/autograd/node.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::autograd {

namespace {

struct Later {
  bool operator()(const Ref<Node>& a, const Ref<Node>& b) const {
    return a->sequence() < b->sequence();
  }
};

/// Walks the tape from the outputs, latest call first: every consumer of a tensor was recorded
/// after its producer, so a node's gradients are complete when its turn comes.
class Engine {
 public:
  explicit Engine(GradOptions options) : options_(options) {}

  void seed(const Tensor& output, const Tensor& grad) {
    require(output.requires_grad(),
            "backward: {} does not depend on any tensor that requires a gradient",
            describe(output));
    require<ShapeError>(!grad.defined() || grad.shape() == output.shape(),
                        "backward: the gradient {} does not have the shape of {}", describe(grad),
                        describe(output));
    require<ShapeError>(
        grad.defined() || output.count() == 1,
        "backward: {} has {} elements; give a gradient of its shape, or reduce it to one",
        describe(output), output.count());
    const AutogradState& state = *output.impl().autograd;
    const Tensor g = grad.defined() ? grad : Tensor::ones(output.shape(), output.dtype());
    if (state.node) {
      add(Ref<Node>(static_cast<Node*>(state.node.get())), state.output_index, g);
    } else {
      add_leaf(output.impl().autograd, g);
    }
  }

  /// Gradients of this tensor are wanted in results(), not in grad().
  void want(const Tensor& input, std::size_t slot) {
    const AutogradState* state =
        input.defined() && input.impl().autograd ? input.impl().autograd.get() : nullptr;
    require(state && state->requires_grad, "grad: input {} ({}) does not require a gradient", slot,
            describe(input));
    if (state->node) {
      wanted_[{static_cast<Node*>(state->node.get()), state->output_index}] = slot;
    } else {
      wanted_leaves_[state] = slot;
    }
    collect_ = true;
    results_.resize(std::max(results_.size(), slot + 1));
  }

  void run() {
    while (!queue_.empty()) {
      const Ref<Node> node = queue_.top();
      queue_.pop();
      TensorList grads = std::move(pending_[node.get()]);
      pending_.erase(node.get());
      for (std::size_t i = 0; i < grads.size(); ++i) {
        const Hooks* hooks = node->hooks(static_cast<std::uint32_t>(i));
        if (hooks && grads[i].defined()) {
          const GradMode mode(options_.create_graph);
          grads[i] = hooks->run(grads[i]);
        }
        const auto found = wanted_.find({node.get(), static_cast<std::uint32_t>(i)});
        if (found != wanted_.end()) results_[found->second] = grads[i];
      }
      require(
          !node->released(),
          "backward: the tape of {} was already released; pass retain_graph to go through it twice",
          node->op().name);
      const GradMode mode(options_.create_graph);
      TensorList gradients = call_vjp(*node, grads);
      const auto& edges = node->edges();
      for (std::size_t i = 0; i < edges.size() && i < gradients.size(); ++i) {
        if (!gradients[i].defined() || !edges[i].wanted()) continue;
        check_gradient(*node, static_cast<int>(i), gradients[i]);
        if (detect_anomaly()) [[unlikely]]
          check_nan(*node, i, gradients[i], grads);
        if (edges[i].node) {
          add(edges[i].node, edges[i].index, gradients[i]);
        } else {
          add_leaf(edges[i].leaf, gradients[i]);
        }
      }
      if (!options_.retain_graph && !options_.create_graph) node->release();
    }
    // A hook sees the whole gradient of a leaf, not the parts of its uses.
    for (auto& [leaf, g] : hooked_leaves_) {
      const GradMode mode(options_.create_graph);
      store(leaf, static_cast<const Hooks&>(*leaf->hooks).run(g));
    }
  }

  TensorList results() && { return std::move(results_); }

 private:
  static void check_gradient(const Node& node, int i, const Tensor& g) {
    const TensorMeta& meta = node.input_meta(i);
    if (!(g.shape() == meta.shape) || g.dtype() != meta.dtype)
      raise<InternalError>("op {}: its gradient by input {} is {}, the input is {}{}",
                           node.op().name, i, describe(g), name_of(meta.dtype),
                           to_string(meta.shape));
  }

  static void check_nan(const Node& node, std::size_t i, const Tensor& g, const TensorList& grads) {
    if (!has_nan(g)) return;
    for (const Tensor& given : grads)
      if (has_nan(given)) return;  // the seed had it
    raise<ValueError>("anomaly: the gradient of {} by input {} ({}) has a NaN{}{}", node.op().name,
                      i, describe(g), node.place().empty() ? "" : "; the op was called at ",
                      node.place());
  }

  static Tensor sum(const Tensor& a, const Tensor& b) { return a.defined() ? ops::add(a, b) : b; }

  void add(const Ref<Node>& node, std::uint32_t index, const Tensor& g) {
    auto [at, fresh] = pending_.try_emplace(node.get());
    if (fresh) {
      at->second.resize(static_cast<std::size_t>(node->output_count()));
      queue_.push(node);
    }
    const GradMode mode(options_.create_graph);
    at->second[index] = sum(at->second[index], g);
  }

  void add_leaf(const Ref<AutogradState>& leaf, const Tensor& g) {
    const GradMode mode(options_.create_graph);
    if (leaf->hooks && !static_cast<const Hooks&>(*leaf->hooks).empty()) {
      for (auto& [known, total] : hooked_leaves_)
        if (known.get() == leaf.get()) {
          total = sum(total, g);
          return;
        }
      hooked_leaves_.emplace_back(leaf, g);
      return;
    }
    store(leaf, g);
  }

  void store(const Ref<AutogradState>& leaf, const Tensor& g) {
    if (collect_) {
      const auto found = wanted_leaves_.find(leaf.get());
      if (found != wanted_leaves_.end()) results_[found->second] = sum(results_[found->second], g);
      return;
    }
    if (leaf->grad_slot) {
      const Tensor slot(leaf->grad_slot);
      slot.copy_from(leaf->grad ? ops::add(Tensor(leaf->grad), g) : g);
      leaf->grad = leaf->grad_slot;
    } else {
      leaf->grad = sum(Tensor(leaf->grad), g).ref();
    }
  }

  struct KeyHash {
    std::size_t operator()(const std::pair<Node*, std::uint32_t>& k) const {
      return std::hash<Node*>{}(k.first) * 31 + k.second;
    }
  };
  GradOptions options_;
  bool collect_ = false;
  std::priority_queue<Ref<Node>, std::vector<Ref<Node>>, Later> queue_;
  std::unordered_map<Node*, TensorList> pending_;
  std::unordered_map<std::pair<Node*, std::uint32_t>, std::size_t, KeyHash> wanted_;
  std::unordered_map<const AutogradState*, std::size_t> wanted_leaves_;
  std::vector<std::pair<Ref<AutogradState>, Tensor>> hooked_leaves_;  // in order of arrival
  TensorList results_;
};

}  // namespace

void backward(const Tensor& loss, const Tensor& grad, bool retain_graph) {
  Engine engine({.create_graph = false, .retain_graph = retain_graph});
  engine.seed(loss, grad);
  engine.run();
}

TensorList grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                std::span<const Tensor> grad_outputs, GradOptions options) {
  Engine engine(options);
  for (std::size_t i = 0; i < inputs.size(); ++i) engine.want(inputs[i], i);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    engine.seed(outputs[i], i < grad_outputs.size() ? grad_outputs[i] : Tensor());
  engine.run();
  TensorList results = std::move(engine).results();
  results.resize(inputs.size());
  return results;
}

}  // namespace athanor::autograd
