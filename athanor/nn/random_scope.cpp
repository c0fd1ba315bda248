#include "athanor/nn/random_scope.hpp"

#include "athanor/base/error.hpp"

namespace athanor::nn {

namespace {
thread_local RandomScope* innermost = nullptr;
}

RandomScope::RandomScope(std::uint64_t seed, std::uint64_t step)
    : seed_(seed), step_(step), outer_(innermost) {
  innermost = this;
}

RandomScope::~RandomScope() { innermost = outer_; }

RandomKey RandomScope::next(const char* user) {
  require(innermost != nullptr,
          "{} draws random numbers in training mode: open a RandomScope(seed, step) around the "
          "step, or call eval()",
          user);
  RandomScope& scope = *innermost;
  return {scope.seed_, mix(scope.step_, scope.calls_++)};
}

}  // namespace athanor::nn
