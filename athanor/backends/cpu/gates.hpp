#pragma once

#include <cstdint>

// The curves of recurrent gates on runs of f32, compiled for several instruction sets. x and y may
// be the same.
namespace athanor::backends::cpu {

/// y[i] = 1 / (1 + exp(-x[i]))
void sigmoid_run(const float* x, float* y, std::int64_t count);
/// y[i] = tanh(x[i])
void tanh_run(const float* x, float* y, std::int64_t count);

}  // namespace athanor::backends::cpu
