#pragma once

#include "athanor/tensor/tensor.hpp"

// Loops over a part of the arenas, on all compute threads, for the instruction set of this machine.
// No contraction of a * b + c and no reordering: every instruction set gives the same bits.
namespace athanor::optim {

/// Elements [begin, end) of rank-1 buffers of one dtype.
struct ArenaPart {
  const Tensor& values;
  const Tensor& gradients;
  std::int64_t begin, end;
  double gradient_scale;
};

struct SgdStep {
  double learning_rate, weight_decay, momentum;
  bool nesterov;
};
/// momentum: undefined without one.
void sgd_step(const ArenaPart& part, const Tensor& momentum, const SgdStep& numbers);

struct AdamStep {
  double learning_rate, weight_decay, beta1, beta2, epsilon;
  double correction1, correction2;  ///< 1 - beta^step
  bool decoupled;
};
void adam_step(const ArenaPart& part, const Tensor& mean, const Tensor& square,
               const AdamStep& numbers);

struct RmspropStep {
  double learning_rate, weight_decay, decay, epsilon, momentum;
};
/// mean: undefined unless centred; momentum: undefined without one.
void rmsprop_step(const ArenaPart& part, const Tensor& square, const Tensor& mean,
                  const Tensor& momentum, const RmspropStep& numbers);

struct AdagradStep {
  double learning_rate, weight_decay, epsilon, initial;
};
void adagrad_step(const ArenaPart& part, const Tensor& sum, const AdagradStep& numbers);

struct LionStep {
  double learning_rate, weight_decay, beta1, beta2;
};
void lion_step(const ArenaPart& part, const Tensor& mean, const LionStep& numbers);

/// Sum of squares in float64, over fixed blocks in a fixed order: the same bits for any number of
/// threads.
double sum_of_squares(const Tensor& buffer, std::int64_t begin, std::int64_t end);
void scale_elements(const Tensor& buffer, std::int64_t begin, std::int64_t end, double factor);
void clamp_elements(const Tensor& buffer, std::int64_t begin, std::int64_t end, double limit);
/// average += (1 - decay) * (values - average); average is f32, or f64 for f64 values.
void blend(const Tensor& average, const Tensor& values, double decay);

}  // namespace athanor::optim
