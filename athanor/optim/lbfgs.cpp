#include "athanor/optim/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include "athanor/base/error.hpp"

namespace athanor::optim {

namespace {

using Vector = std::vector<double>;

constexpr double kDecrease = 1e-4;  // of the sufficient-decrease condition
constexpr double kCurvature = 0.9;  // of the curvature condition
constexpr int kMostTrials = 30;     // of a line search

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(const Vector& a) {
  double most = 0;
  for (double v : a) most = std::max(most, std::fabs(v));
  return most;
}

struct Place {
  Vector x, gradient;
  double value = 0;
};

struct Step {
  Vector s, y;  // change of place and of gradient
  double rho;   // 1 / (s.y)
};

// -H g by the two-loop recursion.
Vector direction_of(const Vector& gradient, const std::deque<Step>& steps) {
  Vector q = gradient;
  std::vector<double> alphas(steps.size());
  for (std::size_t i = steps.size(); i-- > 0;) {
    alphas[i] = steps[i].rho * dot(steps[i].s, q);
    for (std::size_t k = 0; k < q.size(); ++k) q[k] -= alphas[i] * steps[i].y[k];
  }
  if (!steps.empty()) {
    const Step& last = steps.back();
    const double scale = 1 / (last.rho * dot(last.y, last.y));
    for (double& v : q) v *= scale;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double beta = steps[i].rho * dot(steps[i].y, q);
    for (std::size_t k = 0; k < q.size(); ++k) q[k] += (alphas[i] - beta) * steps[i].s[k];
  }
  for (double& v : q) v = -v;
  return q;
}

// A length that meets the Wolfe conditions, by doubling and then halving the bracket; the best
// place with a lower value when none does. False: no lower value was found.
bool search_line(const SmoothFunction& function, const Place& from, const Vector& direction,
                 double length, Place& to) {
  const double slope = dot(from.gradient, direction);
  double low = 0, high = 0;
  bool found = false;
  Place trial = from;
  for (int k = 0; k < kMostTrials; ++k) {
    for (std::size_t i = 0; i < trial.x.size(); ++i) trial.x[i] = from.x[i] + length * direction[i];
    trial.value = function(trial.x, trial.gradient);
    const bool lower =
        std::isfinite(trial.value) && trial.value <= from.value + kDecrease * length * slope;
    if (!lower) {
      high = length;
    } else {
      const bool far_enough = dot(trial.gradient, direction) >= kCurvature * slope;
      if (far_enough || !found || trial.value < to.value) to = trial;
      if (far_enough) return true;
      found = true;
      low = length;
    }
    length = high > 0 ? (low + high) / 2 : 2 * length;
  }
  return found;
}

}  // namespace

LbfgsResult minimize_lbfgs(const SmoothFunction& function, std::vector<double>& x,
                           const LbfgsOptions& options) {
  Place now{x, Vector(x.size()), 0};
  now.value = function(now.x, now.gradient);
  require(std::isfinite(now.value) && std::isfinite(largest(now.gradient)),
          "minimize_lbfgs: value {} or gradient {} at the start is not finite", now.value,
          largest(now.gradient));
  std::deque<Step> steps;
  LbfgsResult result;
  while (result.iterations < options.max_iterations) {
    if (largest(now.gradient) <= options.gradient_tolerance) {
      result.converged = true;
      break;
    }
    const Vector direction = direction_of(now.gradient, steps);
    // Without curvature the first step is short: its length is not known.
    const double length = steps.empty() ? std::min(1.0, 1.0 / largest(now.gradient)) : 1.0;
    Place next;
    if (!search_line(function, now, direction, length, next)) {
      if (steps.empty()) break;
      steps.clear();  // the curvature was of no use: once more, downhill
      continue;
    }
    ++result.iterations;
    Step step{Vector(x.size()), Vector(x.size()), 0};
    for (std::size_t i = 0; i < x.size(); ++i) {
      step.s[i] = next.x[i] - now.x[i];
      step.y[i] = next.gradient[i] - now.gradient[i];
    }
    const double curvature = dot(step.s, step.y), fall = now.value - next.value;
    now = std::move(next);
    if (curvature > 1e-12 * dot(step.y, step.y)) {
      step.rho = 1 / curvature;
      steps.push_back(std::move(step));
      if (steps.size() > static_cast<std::size_t>(options.history)) steps.pop_front();
    }
    if (fall <= options.change_tolerance * std::max(1.0, std::fabs(now.value))) {
      result.converged = true;
      break;
    }
  }
  x = now.x;
  result.value = now.value;
  return result;
}

}  // namespace athanor::optim
