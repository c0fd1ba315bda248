#pragma once

#include <span>

#include "athanor/backends/cpu/program.hpp"
#include "athanor/op/dispatch.hpp"

namespace athanor::backends::cpu {

/// Runs a program over the inputs, broadcast to the output's shape; dtypes are converted. The
/// output may share its memory with an input of the same shape, strides and dtype. The value of an
/// element depends on the inputs' values there alone: not on its position, the shape or the number
/// of threads.
void run_program(const Program& program, std::span<const Tensor> inputs, const Tensor& output);

/// The same for an expression; programs are kept in a bounded cache.
void run_expr(const Expr& e, std::span<const Tensor> inputs, const Tensor& output);

/// The program of a pointwise op's call, from the cache; valid until this thread's next call.
const Program& program_for(const OpDef& op, const Attrs& attrs, std::size_t inputs);

/// Elements that one task of a parallel loop handles; smaller tensors stay on the calling thread.
inline constexpr std::int64_t kParallelGrain = 32768;

}  // namespace athanor::backends::cpu
