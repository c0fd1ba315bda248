#include "athanor/optim/clip.hpp"

#include <cmath>

#include "athanor/optim/kernels.hpp"

namespace athanor::optim {

namespace {
// As PyTorch: keeps the quotient finite for a norm of 0.
constexpr double kEpsilon = 1e-6;
}  // namespace

double gradient_norm(const ParameterArena& arena) {
  double sum = 0;
  for (const ParameterArena::Range& r : arena.ranges())
    sum += sum_of_squares(arena.buffers()[r.buffer].gradients, r.begin, r.end);
  return std::sqrt(sum);
}

double clip_gradient_norm(ParameterArena& arena, double limit) {
  require(limit > 0, "clip_gradient_norm: the limit must be positive, it is {}", limit);
  const double norm = gradient_norm(arena);
  const double factor = limit / (norm + kEpsilon);
  if (std::isfinite(norm) && factor < 1)
    for (const ParameterArena::Range& r : arena.ranges())
      scale_elements(arena.buffers()[r.buffer].gradients, r.begin, r.end, factor);
  return norm;
}

void clip_gradient_value(ParameterArena& arena, double limit) {
  require(limit > 0, "clip_gradient_value: the limit must be positive, it is {}", limit);
  for (const ParameterArena::Range& r : arena.ranges())
    clamp_elements(arena.buffers()[r.buffer].gradients, r.begin, r.end, limit);
}

}  // namespace athanor::optim
