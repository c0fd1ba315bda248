#pragma once

#include <cstdint>

#include "athanor/base/half.hpp"

// Inner loops on contiguous f32, compiled for several instruction sets and chosen at start.
namespace athanor::backends::cpu {

/// Longest run and most rows that one call of the sums below may take: f32 lanes stay exact enough.
inline constexpr std::int64_t kRun = 1 << 15;
inline constexpr std::int64_t kRows = 128;

/// Sum of a run: f32 lanes over blocks of 4096 elements, f64 from block to block.
double sum_run(const float* x, std::int64_t count);
/// totals[c] += x[r * stride + c], four rows at a time.
void add_rows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
              float* totals);
/// Largest element that is not NaN: enough for a shift of exp, which keeps NaN anyway. If a NaN
/// hides a larger element that element may be missed.
float peak_run(const float* x, std::int64_t count);
/// Largest (smallest) element, NaN if there is one.
float max_run(const float* x, std::int64_t count);
float min_run(const float* x, std::int64_t count);
/// best[c] = the larger (smaller) of best[c] and the column's elements; NaN wins.
void max_rows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
              float* best);
void min_rows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
              float* best);

void widen(const Half* from, float* to, std::int64_t count);
void widen(const BFloat16* from, float* to, std::int64_t count);
void narrow(const float* from, Half* to, std::int64_t count);
void narrow(const float* from, BFloat16* to, std::int64_t count);

/// y[i] = exp(x[i] - shift); returns their sum. Below -87.3 the value is 0. x and y may be the
/// same.
float exp_sum(const float* x, float shift, float* y, std::int64_t count);
/// The sum of exp(x[i] - shift) alone.
float exp_sum(const float* x, float shift, std::int64_t count);
/// y[i] = x[i] * factor.
void scale_run(const float* x, float factor, float* y, std::int64_t count);
/// y[i] = (x[i] - shift) - rest: in this order a small rest is not lost beside a large shift.
void shift_run(const float* x, float shift, float rest, float* y, std::int64_t count);
/// Sum of a[i] * b[i].
float dot_run(const float* a, const float* b, std::int64_t count);
/// out[i] = y[i] * (g[i] - dot): the gradient of softmax.
void softmax_grad_run(const float* g, const float* y, float dot, float* out, std::int64_t count);
/// out[i] = g[i] - exp(y[i]) * sum: the gradient of log_softmax.
void log_softmax_grad_run(const float* g, const float* y, float sum, float* out,
                          std::int64_t count);

}  // namespace athanor::backends::cpu
