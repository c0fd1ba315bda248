#pragma once

#include <array>
#include <cstdint>

namespace athanor {

/// What random numbers are a function of. Never hidden state: see docs/determinism.md.
struct RandomKey {
  std::uint64_t seed = 0;    ///< the user's seed
  std::uint64_t stream = 0;  ///< which use: mix(step, op instance), mix(epoch, sample) ...
};

/// Four 32-bit random words for a counter, Philox4x32-10 (Salmon et al., SC 2011).
inline std::array<std::uint32_t, 4> philox(RandomKey key, std::uint64_t counter) {
  std::uint32_t c0 = static_cast<std::uint32_t>(counter),
                c1 = static_cast<std::uint32_t>(counter >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(key.stream),
                c3 = static_cast<std::uint32_t>(key.stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key.seed),
                k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

/// A well-mixed 64-bit value of two (the finaliser of splitmix64, Steele et al. 2014).
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a + 0x9E3779B97F4A7C15ull * (b + 1);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

/// Uniform in [0, 1) from 24 bits.
inline float to_unit(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

/// A sequence of random numbers for host code (augmentation, shuffling): a cursor over one key.
class Random {
 public:
  explicit Random(RandomKey key) : key_(key) {}
  std::uint32_t word() {
    if (used_ == 4) {
      block_ = philox(key_, counter_++);
      used_ = 0;
    }
    return block_[used_++];
  }
  /// Uniform in [0, 1).
  float uniform() { return to_unit(word()); }
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  __extension__ using Wide = unsigned __int128;
  /// Uniform in [0, n), n >= 1; the bias is below n / 2^64.
  std::uint64_t below(std::uint64_t n) {
    const std::uint64_t high = word();
    const std::uint64_t x = (high << 32) | word();
    return static_cast<std::uint64_t>((static_cast<Wide>(x) * n) >> 64);
  }
  bool flip(float probability = 0.5f) { return uniform() < probability; }
  /// Standard normal (Box-Muller).
  float normal();

 private:
  RandomKey key_;
  std::uint64_t counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace athanor
