#pragma once

#include <cstdint>

#include "athanor/backends/cpu/bounded_cache.hpp"
#include "athanor/base/dtype.hpp"
#include "athanor/ops/core/window.hpp"

// Everything that athanor asks of oneDNN. No type of oneDNN appears here: its interface changes
// between major versions, this one does not.
namespace athanor::backends::cpu::onednn {

enum class Activation : std::uint8_t { none, relu, relu6 };

/// Whether oneDNN computes fast in this dtype on this machine: f32 always, bf16 with AVX-512 BF16
/// or AMX.
bool computes(DType dtype);

/// Compiled primitives, by operation, shapes, memory order, dtype, activation and threads.
CacheStats primitive_stats();
/// Weights packed in the order that a primitive wants. A weight is packed into the cache when it is
/// used a second time unchanged, so training, where it changes at every step, keeps nothing.
CacheStats weight_stats();

struct CacheLimits {
  std::size_t primitives = 512;
  std::size_t weights = 1024;
  std::size_t weight_bytes = std::size_t{512} << 20;
};
void set_cache_limits(const CacheLimits& limits);
void clear_caches();

/// c = op(a) op(b) + beta c in f32, row-major; op(a) is m x k, op(b) is k x n. threads 0:
/// the compute threads, or this one inside a parallel_for.
void sgemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
           const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
           std::int64_t ldc, int threads = 0);

/// c = op(a) op(b) in bf16 with f32 sums, as sgemm.
void bf16_gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
               const void* a, std::int64_t lda, const void* b, std::int64_t ldb, void* c,
               std::int64_t ldc, int threads = 0);

/// The sizes of a convolution and the memory order of its pictures: NHWC or NCHW.
struct ConvShape {
  std::int64_t batch = 0;
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t filters = 0, out_height = 0, out_width = 0;
  std::int64_t groups = 1;
  ops::Window window;
  bool x_channels_last = true;
  bool y_channels_last = true;
  DType dtype = DType::f32;  ///< f32 or bf16
};

/// Weights [O, C / groups, kh, kw], row-major, and who they are for the cache of packed weights.
struct Weights {
  const void* data = nullptr;
  std::uint64_t storage = 0;  ///< id of the storage; 0: do not cache
  std::uint64_t version = 0;
  std::int64_t offset = 0;
};

/// y = activation(x * weights + bias); bias may be null.
void conv_forward(const ConvShape& shape, const void* x, const Weights& weights, const void* bias,
                  Activation activation, void* y);
/// dx = the transposed convolution of dy.
void conv_input_grad(const ConvShape& shape, const void* dy, const Weights& weights, void* dx);
/// dw = the gradient by the weights, row-major.
void conv_weight_grad(const ConvShape& shape, const void* x, const void* dy, void* dw);

}  // namespace athanor::backends::cpu::onednn
