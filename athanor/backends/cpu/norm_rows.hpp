#pragma once

#include <cstdint>

// Inner loops of batch normalisation on NHWC memory: rows of `channels` values, compiled for
// several instruction sets. T is float or double.
namespace athanor::backends::cpu {

enum class Fused : std::uint8_t { none, relu, relu6 };

/// What the loops read for each channel.
template <class T>
struct ChannelAffine {
  const T* mean;
  const T* scale;  ///< weight / sqrt(variance + epsilon)
  const T* bias;
};

/// sum[c] += x - shift[c], square[c] += (x - shift[c])^2 over the rows.
template <class T>
void norm_sums(const T* x, std::int64_t rows, std::int64_t channels, const T* shift, T* sum,
               T* square);
/// y = fused((x - mean) * scale + bias). `stream`: write past the caches (y aligned to 64 bytes,
/// channels a multiple of 16).
template <class T>
void norm_apply(const T* x, std::int64_t rows, std::int64_t channels, const ChannelAffine<T>& a,
                Fused fused, T* y, bool stream);
/// sum[c] += g, product[c] += g * (x - mean[c]), where g is grad behind the activation.
template <class T>
void norm_grad_sums(const T* x, const T* grad, std::int64_t rows, std::int64_t channels,
                    const ChannelAffine<T>& a, Fused fused, T* sum, T* product);
/// dx = g * scale - offset[c] - (x - mean) * slope[c], where g is grad behind the activation.
template <class T>
void norm_grad_apply(const T* x, const T* grad, std::int64_t rows, std::int64_t channels,
                     const ChannelAffine<T>& a, Fused fused, const T* offset, const T* slope, T* dx,
                     bool stream);

}  // namespace athanor::backends::cpu
