#pragma once

#include <string>

#include "athanor/tensor/tensor.hpp"

namespace athanor::nn {

enum class Reduction { mean, sum, none };

struct CrossEntropyOptions {
  Tensor weight{};             ///< [C], one factor for each class
  double label_smoothing = 0;  ///< in [0, 1): Szegedy et al. 2016, section 7
  Reduction reduction = Reduction::mean;
};

/// Softmax cross-entropy. logits: [N, C]; target: i64 [N] class numbers, or floating [N, C]
/// probabilities (mixup). With weights the mean is divided by the sum of the weights used.
Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                     const CrossEntropyOptions& options = {});

/// Sigmoid cross-entropy of independent labels. target: like logits, in [0, 1]; weight broadcasts.
Tensor bce_with_logits(const Tensor& logits, const Tensor& target, const Tensor& weight = {},
                       Reduction reduction = Reduction::mean);

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);

}  // namespace athanor::nn
