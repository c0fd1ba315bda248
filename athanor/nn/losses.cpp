#include "athanor/nn/losses.hpp"

#include "athanor/ops/ops.hpp"

namespace athanor::nn {

namespace {

const std::string& text_of(Reduction reduction) {
  static const std::string names[] = {"mean", "sum", "none"};
  return names[static_cast<int>(reduction)];
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                     const CrossEntropyOptions& options) {
  require(options.label_smoothing >= 0 && options.label_smoothing < 1,
          "cross_entropy: label_smoothing must be in [0, 1), not {}", options.label_smoothing);
  return ops::cross_entropy(logits, target, options.weight, options.label_smoothing,
                            text_of(options.reduction));
}

Tensor bce_with_logits(const Tensor& logits, const Tensor& target, const Tensor& weight,
                       Reduction reduction) {
  return ops::bce_with_logits(logits, target, weight, text_of(reduction));
}

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  return ops::mse_loss(x, target, text_of(reduction));
}

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  return ops::l1_loss(x, target, text_of(reduction));
}

}  // namespace athanor::nn
