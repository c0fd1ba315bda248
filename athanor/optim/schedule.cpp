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
  require(power > 0 && gamma > 0, "schedule: power {} and gamma {} must be above 0", power, gamma);
  const auto half_cosine = [](double from, double to, double share) {
    return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * share));
  };
  if (at < warmup_steps) {
    const double done = static_cast<double>(at) / static_cast<double>(warmup_steps);
    if (kind == Kind::one_cycle) return base * half_cosine(warmup_start, 1, done);
    return base * (warmup_start + (1 - warmup_start) * done);
  }
  const std::int64_t after = at - warmup_steps;
  const std::int64_t length = std::max<std::int64_t>(total_steps - warmup_steps, 1);
  const double done = std::min(1.0, static_cast<double>(after) / static_cast<double>(length));
  switch (kind) {
    case Kind::constant: break;
    case Kind::step: return base * std::pow(gamma, static_cast<double>(after / step_size));
    case Kind::cosine:
    case Kind::one_cycle: return base * half_cosine(1, final_factor, done);
    case Kind::linear: return base * (1 + (final_factor - 1) * done);
    case Kind::exponential: return base * std::pow(gamma, static_cast<double>(after));
    case Kind::polynomial:
      return base * (final_factor + (1 - final_factor) * std::pow(1 - done, power));
    case Kind::noam: {
      const auto warm = static_cast<double>(std::max<std::int64_t>(warmup_steps, 1));
      return base * std::sqrt(warm / std::max(static_cast<double>(at), warm));
    }
  }
  return base;
}

double Plateau::report(double metric) {
  require(learning_rate >= 0 && factor > 0 && factor < 1 && patience >= 0 && cooldown >= 0 &&
              threshold >= 0 && minimum >= 0,
          "plateau: factor {} must be in (0, 1), learning rate {}, patience {}, cooldown {}, "
          "threshold {} and minimum {} at least 0",
          factor, learning_rate, patience, cooldown, threshold, minimum);
  const bool better = reports == 0 || (larger_is_better ? metric > best * (1 + threshold)
                                                        : metric < best * (1 - threshold));
  ++reports;
  if (better && !std::isnan(metric)) {
    best = metric;
    bad = 0;
  } else {
    ++bad;
  }
  if (cooling > 0) {
    --cooling;
    bad = 0;
  }
  if (bad > patience) {
    learning_rate = std::max(learning_rate * factor, minimum);
    cooling = cooldown;
    bad = 0;
  }
  return learning_rate;
}

}  // namespace athanor::optim
