#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/ops/registry.hpp"

namespace athanor::backends::cpu {

void register_kernels(KernelTable& t) { (void)t; }

}  // namespace athanor::backends::cpu
