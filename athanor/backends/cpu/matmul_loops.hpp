#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "athanor/base/parallel.hpp"

namespace athanor::backends::cpu {

/// y = a b for m x k and k x n matrices of any strides; y row-major with rows `ldy` apart. Integers
/// wrap around. Sums run over k in order, whatever the number of threads.
template <class T>
void gemm_loops(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t a_row,
                std::int64_t a_column, const T* b, std::int64_t b_row, std::int64_t b_column, T* y,
                std::int64_t ldy) {
  // Signed overflow is undefined, unsigned arithmetic gives the same bits without it.
  using U = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                        std::type_identity<T>>::type;
  constexpr std::int64_t kDepth = 128, kWidth = 256, kRows = 16;
  parallel_for(m, kRows, [&](std::int64_t begin, std::int64_t end) {
    std::vector<U> packed;
    for (std::int64_t i = begin; i < end; ++i) std::fill_n(y + i * ldy, n, T{0});
    for (std::int64_t q = 0; q < k; q += kDepth) {
      const std::int64_t depth = std::min(kDepth, k - q);
      for (std::int64_t j = 0; j < n; j += kWidth) {
        const std::int64_t width = std::min(kWidth, n - j);
        const U* block = reinterpret_cast<const U*>(b) + q * b_row + j * b_column;
        std::int64_t step = b_row;
        if (b_column != 1) {
          packed.resize(static_cast<std::size_t>(depth * width));
          for (std::int64_t r = 0; r < depth; ++r)
            for (std::int64_t c = 0; c < width; ++c)
              packed[static_cast<std::size_t>(r * width + c)] = block[r * b_row + c * b_column];
          block = packed.data();
          step = width;
        }
        for (std::int64_t i = begin; i < end; ++i) {
          U* __restrict row = reinterpret_cast<U*>(y) + i * ldy + j;
          const U* left = reinterpret_cast<const U*>(a) + i * a_row + q * a_column;
          for (std::int64_t r = 0; r < depth; ++r) {
            const U factor = left[r * a_column];
            const U* __restrict right = block + r * step;
            for (std::int64_t c = 0; c < width; ++c) row[c] += factor * right[c];
          }
        }
      }
    }
  });
}

}  // namespace athanor::backends::cpu
