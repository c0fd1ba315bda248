#pragma once

#include "athanor/optim/arena.hpp"

namespace athanor::optim {

struct EmaOptions {
  double decay = 0.999;
  /// Update n uses min(decay, (1 + n) / (10 + n)), so that the random start is soon forgotten.
  bool warmup = true;
};

/// Exponential moving averages of parameters and floating buffers (Polyak averaging); other buffers
/// are copied.
class Ema {
 public:
  /// `arena` and the module behind `buffers` must outlive this. The averages begin as copies.
  Ema(const ParameterArena& arena, std::vector<nn::NamedTensor> buffers, EmaOptions options = {});

  void update();
  /// Exchanges the averages with the live values; a second call undoes it.
  void swap();
  std::int64_t updates() const { return updates_; }

  /// "ema/<name>" for each average (shared memory), "ema-updates".
  TensorMap state() const;
  /// Throws ValueError, before anything is changed, for a state that does not fit.
  void load_state(const TensorMap& state);

 private:
  const ParameterArena& arena_;
  std::vector<nn::NamedTensor> buffers_;
  EmaOptions options_;
  std::vector<Tensor> averages_;  ///< one for each arena buffer
  std::vector<Tensor> buffer_averages_;
  std::int64_t updates_ = 0;
};

/// The averages in place of the live values while the scope lives: for evaluation and saving.
class EmaScope {
 public:
  explicit EmaScope(Ema& ema) : ema_(ema) { ema_.swap(); }
  ~EmaScope() { ema_.swap(); }
  EmaScope(const EmaScope&) = delete;
  EmaScope& operator=(const EmaScope&) = delete;

 private:
  Ema& ema_;
};

}  // namespace athanor::optim
