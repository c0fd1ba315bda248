#pragma once

#include <cstdint>

namespace athanor::optim {

/// The learning rate as a pure function of the step. Before `warmup_steps` it rises in a straight
/// line from base * warmup_start to base; then it follows the kind over the remaining steps.
struct Schedule {
  enum class Kind {
    constant,
    step,    ///< times `gamma` after every `step_size` steps
    cosine,  ///< half a cosine from base to base * final_factor (Loshchilov and Hutter 2017)
    linear   ///< a straight line from base to base * final_factor
  };

  Kind kind = Kind::constant;
  double base = 0.1;
  std::int64_t total_steps = 1;  ///< of cosine and linear, warm-up included; constant afterwards
  std::int64_t warmup_steps = 0;
  double warmup_start = 0;
  double final_factor = 0;
  std::int64_t step_size = 1;
  double gamma = 0.1;

  /// The learning rate of step 0, 1, 2 ... Throws ValueError for a schedule that makes no sense.
  double operator()(std::int64_t step) const;
};

}  // namespace athanor::optim
