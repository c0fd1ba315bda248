#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "athanor/nn/module.hpp"
#include "athanor/optim/ema.hpp"
#include "athanor/optim/optimizer.hpp"
#include "athanor/train/events.hpp"

namespace athanor::train {

/// What is learnt: the data and the loss of one task. The trainer owns everything else.
class Task {
 public:
  virtual ~Task() = default;
  virtual std::int64_t steps_per_epoch() const = 0;
  virtual std::int64_t items_per_step() const = 0;
  /// Data of an epoch from the given step in it on. Order and random numbers are a pure function of
  /// (seed, epoch, step).
  virtual void start_epoch(std::int64_t epoch, std::int64_t step) = 0;
  /// The loss of the next batch, recorded by the tape.
  virtual Tensor next_loss() = 0;
  /// Accuracy on validation data with the model's present weights, in evaluation mode; nothing when
  /// there is no validation data.
  virtual std::optional<double> validate() { return std::nullopt; }
};

struct TrainerOptions {
  double learning_rate = 1e-3;  ///< the highest one of the schedule
  double warmup = 0.05;         ///< share of the run with a linearly rising rate
  double final_rate = 0.001;    ///< share of the highest rate that is left at the end of the cosine
  std::int64_t epochs = 0;      ///< > 0: exactly so many; 0: as many as fit the budget
  std::int64_t max_epochs = 300;  ///< of a run by budget
  double budget = 0;              ///< seconds for training; 0: no limit (epochs must be given)
  double clip_norm = 0;           ///< 0: no clipping
  double ema_decay = 0.998;       ///< 0: no averaging
  std::uint64_t seed = 0;
  std::int64_t patience = 0;  ///< evaluations without a better one before it stops early; 0: never
  std::int64_t validate_every = 0;    ///< epochs; 0: about ten times in the run
  std::filesystem::path checkpoints;  ///< folder; empty: none are written
  double checkpoint_seconds = 15;     ///< at most this much work is lost by a kill
  std::int64_t checkpoint_steps = 0;  ///< > 0: every so many steps instead
};

/// How a run ended.
enum class Ending { finished, out_of_time, stopped_early, interrupted };

struct TrainerResult {
  Ending ending = Ending::finished;
  std::int64_t steps = 0;
  std::int64_t epochs = 0;    ///< begun
  double seconds = 0;         ///< of training, earlier sessions included
  double best_accuracy = -1;  ///< of the validations; -1: none
};

/// Runs a training: schedule, optimiser, averaging, events, validation, checkpoints, budget,
/// interruption.
///
/// Exactness: the state after step k is a pure function of the options, the seed and the plan (the
/// number of steps, which a run by budget fixes from measured speed before its first step and
/// writes to its checkpoint). So a run that is killed at any moment and resumed equals the
/// uninterrupted one bit for bit.
class Trainer {
 public:
  /// `optimizer` works on the parameters of `model`. The averaged weights are in the model when
  /// run() returns.
  Trainer(nn::Module& model, optim::Optimizer& optimizer, Task& task, TrainerOptions options);
  ~Trainer();

  void add(std::shared_ptr<Listener> listener);
  /// Ends the run after the step that is going on; a checkpoint is written. May be set by a signal
  /// handler.
  void set_stop_flag(const std::atomic<bool>* flag);
  /// Continues from the newest whole checkpoint if there is one. Returns whether there was.
  bool resume();
  TrainerResult run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace athanor::train
