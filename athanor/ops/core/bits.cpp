#include "athanor/ops/core/bits.hpp"

namespace athanor::ops {

namespace {

const std::pair<Shape, Shape> kPairs[] = {{{60}, {60}},        {{}, {}},      {{3, 4}, {4}},
                                          {{2, 3, 4}, {3, 1}}, {{0, 3}, {3}}, {{1100}, {}}};

Tensor any_bits(SampleMaker& m, const Shape& shape) {
  if (m.dtype() == DType::boolean) return m.booleans(shape);
  return m.dtype() == DType::u8 ? m.integers(shape, 0, 256, DType::u8)
                                : m.integers(shape, -128, 128, m.dtype());
}

}  // namespace

std::vector<Sample> bit_samples(SampleMaker& m) {
  std::vector<Sample> samples;
  for (const auto& [a, b] : kPairs) samples.push_back(m.sample({any_bits(m, a), any_bits(m, b)}));
  return samples;
}

std::vector<Sample> shift_samples(SampleMaker& m) {
  std::vector<Sample> samples;
  const std::int64_t low = m.dtype() == DType::u8 ? 0 : -2;
  for (const auto& [a, b] : kPairs)
    samples.push_back(m.sample({any_bits(m, a), m.integers(b, low, 12, m.dtype())}));
  return samples;
}

}  // namespace athanor::ops
