#pragma once

#include "athanor/optim/arena.hpp"

namespace athanor::optim {

/// The Euclidean norm of all gradients, summed over fixed blocks: the same bits for any number of
/// threads. Not finite when a gradient is not.
double gradient_norm(const ParameterArena& arena);

/// Scales the gradients so that their norm is at most `limit` (Pascanu et al. 2013) and returns the
/// norm before. Gradients with a norm that is not finite are left alone: the caller skips the step.
double clip_gradient_norm(ParameterArena& arena, double limit);

/// Puts each gradient into [-limit, limit].
void clip_gradient_value(ParameterArena& arena, double limit);

}  // namespace athanor::optim
