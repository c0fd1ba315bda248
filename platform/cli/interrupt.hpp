#pragma once

#include <atomic>
#include <csignal>

namespace athanor::platform::cli {

/// While it lives, the first Ctrl-C or SIGTERM sets a flag instead of ending the process; the
/// second ends it.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
  const std::atomic<bool>* flag() const;

 private:
  struct sigaction previous_interrupt_{};
  struct sigaction previous_terminate_{};
};

}  // namespace athanor::platform::cli
