#pragma once

#include <functional>
#include <span>
#include <vector>

namespace athanor::optim {

struct LbfgsOptions {
  int history = 10;  ///< steps that the curvature is estimated from
  int max_iterations = 200;
  double gradient_tolerance = 1e-5;  ///< stops when no entry of the gradient is larger
  double change_tolerance = 1e-9;    ///< stops when the value falls by less, relative to itself
};

struct LbfgsResult {
  double value = 0;
  int iterations = 0;
  bool converged = false;  ///< one of the tolerances was reached
};

/// Returns the value at x and writes the gradient.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

/// Minimises a smooth function from x on, which becomes the place found. Limited-memory BFGS with a
/// line search that meets the Wolfe conditions (Nocedal and Wright 2006, algorithms 7.4, 7.5, 3.5).
/// Works in one thread: the same function gives the same bits. Throws ValueError when the value or
/// gradient at the start is not finite.
LbfgsResult minimize_lbfgs(const SmoothFunction& function, std::vector<double>& x,
                           const LbfgsOptions& options = {});

}  // namespace athanor::optim
