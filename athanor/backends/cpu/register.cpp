#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/ops/registry.hpp"

namespace athanor::backends::cpu {

void register_kernels(KernelTable& t) {
  register_attention(t);
  register_conv(t);
  register_copy(t);
  register_matmul(t);
  register_norm(t);
  register_pointwise(t);
  register_pool(t);
  register_random(t);
  register_reductions(t);
  register_shape(t);
  register_fourier(t);
  register_index(t);
  register_layer_norm(t);
  register_linalg(t);
  register_losses(t);
  register_order(t);
  register_recurrent(t);
  register_resample(t);
  register_scan(t);
  register_search(t);
  register_softmax(t);
}

}  // namespace athanor::backends::cpu
