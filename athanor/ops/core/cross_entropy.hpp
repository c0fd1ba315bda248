#pragma once

#include "athanor/op/op.hpp"

// What the three records of the cross entropy share.
namespace athanor::ops {

/// Checks logits [N, C, ...], target (class indices [N, ...] or probabilities like logits), weight
/// [C] (or absent) and label_smoothing; gives the shape of the loss without reduction, [N, ...].
Shape check_cross_entropy(std::string_view op, const TensorMeta& logits, const TensorMeta& target,
                          const TensorMeta* weight, double label_smoothing);

/// The dtype in which the log-sum-exp is kept for the gradient.
inline DType log_sum_dtype(DType logits) { return logits == DType::f64 ? DType::f64 : DType::f32; }

/// Row-major i64 class indices, each in [0, classes). Throws IndexError with value and row.
Tensor checked_classes(std::string_view op, const Tensor& target, std::int64_t classes);

/// The target as smoothed probabilities like logits, times the class weights: q in
/// loss = sum(q * (logsumexp - logits)). Written with ops.
Tensor target_distribution(const Tensor& logits, const Tensor& target, const Tensor& weight,
                           double label_smoothing);
/// The same before the weights.
Tensor smoothed_target(const Tensor& logits, const Tensor& target, double label_smoothing);
/// A vector of one value per class, shaped to broadcast against logits.
Tensor along_classes(const Tensor& weight, const Tensor& logits);

/// Throws ValueError when the attribute ignore_index holds more than one number.
void check_ignored(std::string_view op, const Attrs& attrs);
/// Class indices of which some may not count.
struct Ignored {
  Ignored(const Tensor& target, const Attrs& attrs);
  /// The losses reduced; `weights`: of each target, or undefined.
  Tensor reduced(const Tensor& losses, const Tensor& weights, const std::string& reduction) const;

  Tensor classes;  ///< 0 where ignored
  Tensor counts;   ///< bool; undefined when all count
};

/// (logits, target, weight) for the tests; with all reductions if the op has them.
std::vector<Sample> cross_entropy_samples(SampleMaker& m, bool reductions);
std::vector<BadSample> bad_cross_entropy(std::string_view op);

}  // namespace athanor::ops
