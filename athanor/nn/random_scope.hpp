#pragma once

#include "athanor/base/philox.hpp"

namespace athanor::nn {

/// Where modules with random numbers (Dropout) take their key from. The trainer opens a scope for
/// each step: `RandomScope scope(seed, step);`. The n-th random call of this thread inside the
/// scope gets the stream mix(step, n): the numbers are a pure function of seed, step and the order
/// of calls in the model, never of what ran before. Scopes nest; the inner one counts from 0.
class RandomScope {
 public:
  RandomScope(std::uint64_t seed, std::uint64_t step);
  ~RandomScope();
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

  /// The next key of this thread's innermost scope. Throws ValueError, naming `user`, when there is
  /// none.
  static RandomKey next(const char* user);

 private:
  std::uint64_t seed_;
  std::uint64_t step_;
  std::uint64_t calls_ = 0;
  RandomScope* outer_;
};

}  // namespace athanor::nn
