#pragma once

#include <cstdint>

namespace athanor::optim {

/// The learning rate as a pure function of the step. Before `warmup_steps` it rises in a straight
/// line from base * warmup_start to base; then it follows the kind over the remaining steps.
struct Schedule {
  enum class Kind {
    constant,
    step,         ///< times `gamma` after every `step_size` steps
    cosine,       ///< half a cosine from base to base * final_factor (Loshchilov and Hutter 2017)
    linear,       ///< a straight line from base to base * final_factor
    exponential,  ///< times `gamma` after every step
    polynomial,   ///< from base to base * final_factor with (1 - share done)^power
    noam,         ///< base * sqrt(warmup_steps / step) (Vaswani et al. 2017): base is the peak
    one_cycle     ///< half a cosine up, in place of the straight line, then one down (Smith 2018)
  };

  Kind kind = Kind::constant;
  double base = 0.1;
  /// Of cosine, linear, polynomial and one_cycle, warm-up included; constant afterwards.
  std::int64_t total_steps = 1;
  std::int64_t warmup_steps = 0;
  double warmup_start = 0;
  double final_factor = 0;
  std::int64_t step_size = 1;
  double gamma = 0.1;
  double power = 1;

  /// The learning rate of step 0, 1, 2 ... Throws ValueError for a schedule that makes no sense.
  double operator()(std::int64_t step) const;
};

/// A learning rate that falls when a metric stops to improve. The only schedule with a state, which
/// belongs into the checkpoint: save and restore the whole struct.
struct Plateau {
  double learning_rate = 0.1;
  double factor = 0.1;      ///< what it is multiplied with
  int patience = 10;        ///< so many reports in a row may be no better
  double threshold = 1e-4;  ///< better: below best * (1 - threshold), above best * (1 + threshold)
  bool larger_is_better = false;
  int cooldown = 0;  ///< reports after a fall that do not count
  double minimum = 0;

  double best = 0;
  std::int64_t reports = 0;
  int bad = 0;
  int cooling = 0;

  /// Takes the metric of one evaluation and returns the learning rate from now on. NaN is no
  /// improvement. Throws ValueError for numbers that make no sense.
  double report(double metric);
};

}  // namespace athanor::optim
