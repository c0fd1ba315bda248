#include "athanor/backends/cpu/random.hpp"

#include <cstring>

// SSE2, AVX2 and AVX-512 are enough: what lies between is rare.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/backends/cpu/random_simd.cpp"
#include <hwy/foreach_target.h>
// clang-format off
#include <hwy/highway.h>
#include "athanor/backends/cpu/simd_math-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace athanor::backends::cpu {
namespace HWY_NAMESPACE {

using Words = hn::ScalableTag<std::uint32_t>;
using Wide = hn::ScalableTag<std::uint64_t>;
using WideV = hn::Vec<Wide>;

// Low half of each 64-bit lane times the factor; what lies in the upper half does not matter.
HWY_INLINE WideV Product(WideV a, std::uint32_t factor) {
  const Words d;
  return hn::MulEven(hn::BitCast(d, a), hn::Set(d, factor));
}

// One counter in each 64-bit lane; the four words stand in the lower halves of a, b, c and e.
struct State {
  WideV a, b, c, e;
};

HWY_INLINE State Rounds(RandomKey key, WideV counter) {
  const Wide d;
  State s{counter, hn::ShiftRight<32>(counter), hn::Set(d, key.stream),
          hn::Set(d, key.stream >> 32)};
  auto k0 = static_cast<std::uint32_t>(key.seed);
  auto k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const WideV p0 = Product(s.a, 0xD2511F53u), p1 = Product(s.c, 0xCD9E8D57u);
    s.a = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), s.b), hn::Set(d, std::uint64_t{k0}));
    s.b = p1;
    s.c = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), s.e), hn::Set(d, std::uint64_t{k1}));
    s.e = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return s;
}

void PhiloxWords(RandomKey key, std::uint64_t first, std::size_t counters, std::uint32_t* words) {
  const Wide d;
  const std::size_t lanes = hn::Lanes(d);
  const WideV low = hn::Set(d, std::uint64_t{0xffffffffu});
  HWY_ALIGN std::uint64_t pad[2 * hn::MaxLanes(d)];
  for (std::size_t i = 0; i < counters; i += lanes) {
    const State s = Rounds(key, hn::Add(hn::Set(d, first + i), hn::Iota(d, std::uint64_t{0})));
    const WideV ab = hn::Or(hn::And(s.a, low), hn::ShiftLeft<32>(s.b));
    const WideV ce = hn::Or(hn::And(s.c, low), hn::ShiftLeft<32>(s.e));
    if (i + lanes <= counters) {
      hn::StoreInterleaved2(ab, ce, d, reinterpret_cast<std::uint64_t*>(words + 4 * i));
    } else {
      hn::StoreInterleaved2(ab, ce, d, pad);
      std::memcpy(words + 4 * i, pad, (counters - i) * 16);
    }
  }
}

// The upper 24 bits as a number in [0, 1).
HWY_INLINE FloatV Units(hn::Vec<Words> words) {
  const Ints di;
  return hn::Mul(hn::ConvertTo(Floats(), hn::BitCast(di, hn::ShiftRight<8>(words))),
                 Number(0x1p-24f));
}

void UnitsOfWords(const std::uint32_t* words, std::size_t count, float* out) {
  const Words dw;
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(Units(hn::LoadU(dw, words + i)), d, out + i);
  for (; i < count; ++i) out[i] = to_unit(words[i]);
}

// (w + 1) / 2^32 for a whole word, in (0, 1]: 16 bits at a time, since vectors convert signed
// numbers only.
HWY_INLINE FloatV Positive(hn::Vec<Words> w) {
  const Ints di;
  const Words dw;
  const FloatV high = hn::ConvertTo(Floats(), hn::BitCast(di, hn::ShiftRight<16>(w)));
  const FloatV low = hn::ConvertTo(Floats(), hn::BitCast(di, hn::And(w, hn::Set(dw, 0xffffu))));
  return hn::MulAdd(high, Number(0x1p-16f), hn::Mul(hn::Add(low, Number(1.0f)), Number(0x1p-32f)));
}

void NormalsOfWords(const std::uint32_t* words, std::size_t count, float* out) {
  const Words dw;
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN std::uint32_t in[2 * hn::MaxLanes(d)];
  HWY_ALIGN float pad[2 * hn::MaxLanes(d)];
  for (std::size_t i = 0; i < count; i += 2 * lanes) {
    const bool whole = i + 2 * lanes <= count;
    const std::uint32_t* from = words + i;
    if (!whole) {
      std::memset(in, 0, sizeof in);
      std::memcpy(in, from, (count - i) * 4);
      from = in;
    }
    hn::Vec<Words> first, second;
    hn::LoadInterleaved2(dw, from, first, second);
    const FloatV radius = hn::Sqrt(hn::Mul(Number(-2.0f), Log(Positive(first))));
    const FloatV angle = hn::Mul(Units(second), Number(6.28318531f));
    const FloatV cosine = hn::Mul(radius, Circular<1>(angle));
    const FloatV sine = hn::Mul(radius, Circular<0>(angle));
    hn::StoreInterleaved2(cosine, sine, d, whole ? out + i : pad);
    if (!whole) std::memcpy(out + i, pad, (count - i) * 4);
  }
}

void DropByWords(const std::uint32_t* words, std::uint32_t threshold, const float* x, float scale,
                 float* out, std::size_t count) {
  const Words dw;
  const Ints di;
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  // Signed comparison of numbers with the top bit turned is the unsigned one.
  const auto top = hn::Set(dw, 0x80000000u);
  const auto limit = hn::BitCast(di, hn::Xor(hn::Set(dw, threshold), top));
  const FloatV factor = Number(scale);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto w = hn::BitCast(di, hn::Xor(hn::LoadU(dw, words + i), top));
    const auto dropped = hn::RebindMask(d, hn::Lt(w, limit));
    hn::StoreU(hn::IfThenZeroElse(dropped, hn::Mul(hn::LoadU(d, x + i), factor)), d, out + i);
  }
  for (; i < count; ++i) out[i] = words[i] < threshold ? 0.0f : x[i] * scale;
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::backends::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::backends::cpu {

HWY_EXPORT(PhiloxWords);
HWY_EXPORT(UnitsOfWords);
HWY_EXPORT(NormalsOfWords);
HWY_EXPORT(DropByWords);

void philox_words(RandomKey key, std::uint64_t first, std::size_t counters, std::uint32_t* words) {
  HWY_DYNAMIC_DISPATCH(PhiloxWords)(key, first, counters, words);
}
void units_of_words(const std::uint32_t* words, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(UnitsOfWords)(words, count, out);
}
void normals_of_words(const std::uint32_t* words, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(NormalsOfWords)(words, count, out);
}
void drop_by_words(const std::uint32_t* words, std::uint32_t threshold, const float* x, float scale,
                   float* out, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(DropByWords)(words, threshold, x, scale, out, count);
}

}  // namespace athanor::backends::cpu
#endif
