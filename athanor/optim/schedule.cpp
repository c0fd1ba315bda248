#include "athanor/optim/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "athanor/base/error.hpp"

namespace athanor::optim {

double Schedule::operator()(std::int64_t at) const {
  require(at >= 0, "schedule: steps count from 0, not {}", at);
  require(total_steps >= 1 && warmup_steps >= 0 && step_size >= 1,
          "schedule: total_steps {} and step_size {} must be at least 1, warmup_steps {} at least "
          "0",
          total_steps, step_size, warmup_steps);
  if (at < warmup_steps) {
    const double done = static_cast<double>(at) / static_cast<double>(warmup_steps);
    return base * (warmup_start + (1 - warmup_start) * done);
  }
  const std::int64_t after = at - warmup_steps;
  const std::int64_t length = std::max<std::int64_t>(total_steps - warmup_steps, 1);
  const double done = std::min(1.0, static_cast<double>(after) / static_cast<double>(length));
  switch (kind) {
    case Kind::constant: break;
    case Kind::step: return base * std::pow(gamma, static_cast<double>(after / step_size));
    case Kind::cosine:
      return base *
             (final_factor + (1 - final_factor) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
    case Kind::linear: return base * (1 + (final_factor - 1) * done);
  }
  return base;
}

}  // namespace athanor::optim
