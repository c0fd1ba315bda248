#pragma once

#include <cstdint>

// Inner loops of pooling on NHWC memory, over channels: compiled for several instruction sets. T is
// float or double.
namespace athanor::backends::cpu {

/// Most channels that one call of the loops with winners takes.
inline constexpr std::int64_t kPoolChannels = 64;

/// best[c] = x[c] where it is larger or the first NaN.
template <class T>
void pool_max(const T* x, std::int64_t channels, T* best);
/// The same, and winner[c] = tap where x[c] won.
template <class T>
void pool_winner(const T* x, std::int32_t tap, std::int64_t channels, T* best,
                 std::int32_t* winner);
/// One window's part of the gradient: of its `taps` elements, at x + at[k], the largest (the first
/// of equals, the first NaN) gets grad[c] added at the same place of dx, the others 0. Which one
/// won stays in registers: 3x3 windows of 64 channels took 1.7 times as long with arrays between
/// the taps (bench/dnn_ops.cpp, maxpool3x3_64_112_grad).
template <class T>
void pool_scatter_max(const T* x, const T* grad, const std::int64_t* at, std::int64_t taps,
                      std::int64_t channels, T* dx);
/// y[c] = values[c] where winner[c] == tap.
template <class T>
void pool_gather(const T* values, const std::int32_t* winner, std::int32_t tap,
                 std::int64_t channels, T* y);
/// sum[c] += x[c] * factor.
template <class T>
void pool_add(const T* x, T factor, std::int64_t channels, T* sum);

}  // namespace athanor::backends::cpu
