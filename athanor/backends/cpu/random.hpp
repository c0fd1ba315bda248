#pragma once

#include <cstdint>

#include "athanor/base/philox.hpp"

namespace athanor::backends::cpu {

/// Words of counters first, first + 1 ...: 4 for each of `counters`, as philox() gives them.
void philox_words(RandomKey key, std::uint64_t first, std::size_t counters, std::uint32_t* words);

/// Uniform numbers in [0, 1) of `count` words: to_unit of each.
void units_of_words(const std::uint32_t* words, std::size_t count, float* out);

/// Standard normal numbers of pairs of words (Box-Muller); count is even.
void normals_of_words(const std::uint32_t* words, std::size_t count, float* out);

/// out[i] = words[i] < threshold ? 0 : x[i] * scale.
void drop_by_words(const std::uint32_t* words, std::uint32_t threshold, const float* x, float scale,
                   float* out, std::size_t count);

}  // namespace athanor::backends::cpu
