#pragma once

#include "athanor/op/dispatch.hpp"

// Each kernel file fills its part of the table.
namespace athanor::backends::cpu {

void register_attention(KernelTable& t);
void register_conv(KernelTable& t);
void register_copy(KernelTable& t);
void register_matmul(KernelTable& t);
void register_norm(KernelTable& t);
void register_pointwise(KernelTable& t);
void register_pool(KernelTable& t);
void register_random(KernelTable& t);
void register_reductions(KernelTable& t);
void register_shape(KernelTable& t);
void register_fourier(KernelTable& t);
void register_index(KernelTable& t);
void register_layer_norm(KernelTable& t);
void register_linalg(KernelTable& t);
void register_losses(KernelTable& t);
void register_order(KernelTable& t);
void register_recurrent(KernelTable& t);
void register_resample(KernelTable& t);
void register_scan(KernelTable& t);
void register_search(KernelTable& t);
void register_softmax(KernelTable& t);

}  // namespace athanor::backends::cpu
