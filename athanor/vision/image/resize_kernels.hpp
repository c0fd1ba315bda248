#pragma once

#include <cstddef>
#include <cstdint>

// The inner loops of resize and preprocess, compiled once for each kind of processor; the right one
// is chosen at the first call.
//
// Note [Fixed point of resize]
// A weight is a 15-bit fraction (32767 stands for 1), a value between the two passes is level * 128
// in a signed 16-bit lane. Then one tap is one rounding 16-bit multiplication (pmulhrsw on x86) and
// one addition. Each product is rounded to 1/128 of a level, so many taps could add up to a visible
// bias; from kManyTaps on products are summed in 32 bits.

namespace athanor::vision::kernels {

inline constexpr int kManyTaps = 48;
/// Rows that the horizontal pass works on together: the lanes of its vectors.
inline constexpr int kBlockRows = 16;

/// out[i] = sum over t of weights[t] * rows[t][i], in 1/128 levels. Reads and writes whole vectors:
/// every row and `out` must have kSlack readable (writable) elements behind `count`.
void blend_rows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps,
                std::size_t count, std::int16_t* out);

/// Turns kBlockRows rows of `stride` elements into columns: out[i * kBlockRows + r] = in[r * stride
/// + i], for i below count rounded up to 8.
void transpose_block(const std::int16_t* in, std::size_t stride, std::size_t count,
                     std::int16_t* out);

/// `width` output pixels of kBlockRows rows: out[(x * channels + c) * kBlockRows + r] = level of
/// the sum over t of weights[x * taps + t] * columns[((first[x] + t) * channels + c) * kBlockRows +
/// r].
void blend_columns(const std::int16_t* columns, const int* first, const std::int16_t* weights,
                   int taps, int width, int channels, std::uint8_t* out);

/// out[r * stride + i] = in[i * kBlockRows + r] for i below count, a multiple of 16.
void transpose_back(const std::uint8_t* in, std::size_t count, std::size_t stride,
                    std::uint8_t* out);

/// out[i] = in[i] * scale[i % period] + shift[i % period], without fused multiplication: the same
/// bits everywhere. period: 1 or 3.
void scale_and_shift(const std::uint8_t* in, std::size_t count, const float* scale,
                     const float* shift, int period, float* out);

/// JFIF's YCbCr to RGB, within one level of exact arithmetic. The planes must have kSlack readable
/// bytes behind `count`, `rgb` kSlack writable ones.
void ycc_to_rgb(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr,
                std::size_t count, std::uint8_t* rgb);

inline constexpr std::size_t kSlack = 64;

}  // namespace athanor::vision::kernels
