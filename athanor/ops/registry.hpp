#pragma once

#include "athanor/op/dispatch.hpp"

namespace athanor {

namespace ops {
/// Fills the registry; written by tools/generate-ops.py from the files of this folder.
void define_all(Registry& registry);
}  // namespace ops

namespace backends::cpu {
/// Fills the kernel table for the CPU. Defined in backends/cpu/register.cpp.
void register_kernels(KernelTable& table);
}  // namespace backends::cpu

namespace autograd {
/// The tape that every thread's interpreter stack begins with. Defined in autograd/tape.cpp.
Interpreter& tape();
}  // namespace autograd

}  // namespace athanor
