#include "athanor/vision/image/resize_kernels.hpp"

#include <algorithm>

// Arrays of vectors are needed to transpose, which types without a fixed size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "athanor/vision/image/resize_kernels.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace athanor::vision::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// At most 256 bits: 512-bit vectors gain nothing here (the loops wait for loads), and a block of
// rows is one vector.
using Words = hn::CappedTag<std::int16_t, kBlockRows>;

void BlendRows(const std::uint8_t* const* HWY_RESTRICT rows,
               const std::int16_t* HWY_RESTRICT weights, int taps, std::size_t count,
               std::int16_t* HWY_RESTRICT out) {
  const Words words;
  const hn::Rebind<std::uint8_t, Words> bytes;
  const std::size_t lanes = hn::Lanes(words);
  const auto load = [&](int tap, std::size_t at) {
    return hn::ShiftLeft<7>(hn::PromoteTo(words, hn::LoadU(bytes, rows[tap] + at)));
  };
  if (taps < kManyTaps) {
    for (std::size_t i = 0; i < count; i += lanes) {
      auto sum = hn::MulFixedPoint15(load(0, i), hn::Set(words, weights[0]));
      for (int t = 1; t < taps; ++t)
        sum = hn::SaturatedAdd(sum, hn::MulFixedPoint15(load(t, i), hn::Set(words, weights[t])));
      hn::StoreU(sum, words, out + i);
    }
    return;
  }
  std::int32_t sums[256];
  for (std::size_t i = 0; i < count; i += 256) {
    const std::size_t size = std::min<std::size_t>(256, count - i);
    std::fill_n(sums, 256, 128);
    for (int t = 0; t < taps; ++t) {
      const std::uint8_t* row = rows[t] + i;
      const std::int32_t weight = weights[t];
      for (std::size_t k = 0; k < size; ++k) sums[k] += row[k] * weight;
    }
    for (std::size_t k = 0; k < size; ++k) out[i + k] = static_cast<std::int16_t>(sums[k] >> 8);
  }
}

void TransposeBlock(const std::int16_t* HWY_RESTRICT in, std::size_t stride, std::size_t count,
                    std::int16_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t r = 0; r < kBlockRows; ++r) out[i * kBlockRows + r] = in[r * stride + i];
#else
  // 8 columns of 8 rows each at a time; the interleaving of halves, three times, transposes.
  const hn::FixedTag<std::int16_t, 8> words;
  for (std::size_t i = 0; i < count; i += 8) {
    for (int half = 0; half < kBlockRows; half += 8) {
      hn::Vec<decltype(words)> a[8], b[8];
      for (int r = 0; r < 8; ++r)
        a[r] = hn::LoadU(words, in + static_cast<std::size_t>(half + r) * stride + i);
      for (int r = 0; r < 4; ++r) {
        b[2 * r] = hn::InterleaveLower(words, a[r], a[r + 4]);
        b[2 * r + 1] = hn::InterleaveUpper(words, a[r], a[r + 4]);
      }
      for (int r = 0; r < 4; ++r) {
        a[2 * r] = hn::InterleaveLower(words, b[r], b[r + 4]);
        a[2 * r + 1] = hn::InterleaveUpper(words, b[r], b[r + 4]);
      }
      for (int r = 0; r < 4; ++r) {
        b[2 * r] = hn::InterleaveLower(words, a[r], a[r + 4]);
        b[2 * r + 1] = hn::InterleaveUpper(words, a[r], a[r + 4]);
      }
      for (int k = 0; k < 8; ++k) hn::StoreU(b[k], words, out + (i + k) * kBlockRows + half);
    }
  }
#endif
}

void ManyColumns(const std::int16_t* HWY_RESTRICT pixel, const std::int16_t* HWY_RESTRICT weights,
                 int taps, std::size_t step, std::uint8_t* HWY_RESTRICT out) {
  for (std::size_t at = 0; at < step; at += kBlockRows) {
    std::int32_t sums[kBlockRows];
    std::fill_n(sums, kBlockRows, 1 << 21);
    for (int t = 0; t < taps; ++t)
      for (std::size_t k = 0; k < kBlockRows; ++k)
        sums[k] += pixel[step * static_cast<std::size_t>(t) + at + k] * weights[t];
    for (std::size_t k = 0; k < kBlockRows; ++k)
      out[at + k] = static_cast<std::uint8_t>(std::min(sums[k] >> 22, 255));
  }
}

void BlendColumns(const std::int16_t* HWY_RESTRICT columns, const int* HWY_RESTRICT first,
                  const std::int16_t* HWY_RESTRICT weights, int taps, int width, int channels,
                  std::uint8_t* HWY_RESTRICT out) {
  const Words words;
  const hn::Rebind<std::uint8_t, Words> bytes;
  const std::size_t lanes = hn::Lanes(words);
  const std::size_t step = static_cast<std::size_t>(channels) * kBlockRows;
  for (int x = 0; x < width; ++x, weights += taps, out += step) {
    const std::int16_t* pixel = columns + static_cast<std::size_t>(first[x]) * step;
    if (taps >= kManyTaps) {
      ManyColumns(pixel, weights, taps, step, out);
      continue;
    }
    for (std::size_t at = 0; at < step; at += lanes) {
      const std::int16_t* from = pixel + at;
      auto sum = hn::MulFixedPoint15(hn::LoadU(words, from), hn::Set(words, weights[0]));
      for (int t = 1; t < taps; ++t) {
        from += step;
        sum = hn::SaturatedAdd(
            sum, hn::MulFixedPoint15(hn::LoadU(words, from), hn::Set(words, weights[t])));
      }
      const auto level = hn::ShiftRight<7>(hn::SaturatedAdd(sum, hn::Set(words, 64)));
      hn::StoreU(hn::DemoteTo(bytes, level), bytes, out + at);
    }
  }
}

void TransposeBack(const std::uint8_t* HWY_RESTRICT in, std::size_t count, std::size_t stride,
                   std::uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t r = 0; r < kBlockRows; ++r) out[r * stride + i] = in[i * kBlockRows + r];
#else
  const hn::FixedTag<std::uint8_t, 16> bytes;
  for (std::size_t i = 0; i < count; i += 16) {
    hn::Vec<decltype(bytes)> a[16], b[16];
    for (int k = 0; k < 16; ++k) a[k] = hn::LoadU(bytes, in + (i + k) * kBlockRows);
    for (int round = 0; round < 2; ++round) {
      for (int k = 0; k < 8; ++k) {
        b[2 * k] = hn::InterleaveLower(bytes, a[k], a[k + 8]);
        b[2 * k + 1] = hn::InterleaveUpper(bytes, a[k], a[k + 8]);
      }
      for (int k = 0; k < 8; ++k) {
        a[2 * k] = hn::InterleaveLower(bytes, b[k], b[k + 8]);
        a[2 * k + 1] = hn::InterleaveUpper(bytes, b[k], b[k + 8]);
      }
    }
    for (int r = 0; r < 16; ++r)
      hn::StoreU(a[r], bytes, out + static_cast<std::size_t>(r) * stride + i);
  }
#endif
}

void ScaleAndShift(const std::uint8_t* HWY_RESTRICT in, std::size_t count,
                   const float* HWY_RESTRICT scale, const float* HWY_RESTRICT shift, int period,
                   float* HWY_RESTRICT out) {
  const hn::ScalableTag<float> floats;
  const hn::Rebind<std::int32_t, decltype(floats)> ints;
  const hn::Rebind<std::uint8_t, decltype(floats)> bytes;
  const std::size_t lanes = hn::Lanes(floats);
  // Three vectors hold whole periods of 1 and of 3.
  HWY_ALIGN float a[3 * HWY_MAX_BYTES / sizeof(float)], b[3 * HWY_MAX_BYTES / sizeof(float)];
  for (std::size_t i = 0; i < 3 * lanes; ++i) {
    a[i] = scale[i % static_cast<std::size_t>(period)];
    b[i] = shift[i % static_cast<std::size_t>(period)];
  }
  std::size_t i = 0;
  for (; i + 3 * lanes <= count; i += 3 * lanes) {
    for (std::size_t v = 0; v < 3; ++v) {
      const auto x =
          hn::ConvertTo(floats, hn::PromoteTo(ints, hn::LoadU(bytes, in + i + v * lanes)));
      hn::StoreU(
          hn::Add(hn::Mul(x, hn::Load(floats, a + v * lanes)), hn::Load(floats, b + v * lanes)),
          floats, out + i + v * lanes);
    }
  }
  for (std::size_t k = 0; i < count; ++i, ++k) {
    const float product = static_cast<float>(in[i]) * a[k];
    out[i] = product + b[k];
  }
}

void YccToRgb(const std::uint8_t* HWY_RESTRICT y, const std::uint8_t* HWY_RESTRICT cb,
              const std::uint8_t* HWY_RESTRICT cr, std::size_t count,
              std::uint8_t* HWY_RESTRICT rgb) {
  const Words words;
  const hn::Rebind<std::uint8_t, Words> bytes;
  const std::size_t lanes = hn::Lanes(words);
  // In 1/128 levels; sums that leave 16 bits saturate beyond 255, which is right.
  const auto load = [&](const std::uint8_t* from) {
    return hn::ShiftLeft<7>(hn::PromoteTo(words, hn::LoadU(bytes, from)));
  };
  const auto times = [&](auto v, double factor) {
    return hn::MulFixedPoint15(
        v, hn::Set(words, static_cast<std::int16_t>(factor * 32768 + (factor < 0 ? -0.5 : 0.5))));
  };
  const auto level = [&](auto v) {
    return hn::DemoteTo(bytes, hn::ShiftRight<7>(hn::SaturatedAdd(v, hn::Set(words, 64))));
  };
  const auto middle = hn::Set(words, 128 << 7);
  for (std::size_t i = 0; i < count; i += lanes) {
    const auto light = load(y + i);
    const auto blue = hn::Sub(load(cb + i), middle), red = hn::Sub(load(cr + i), middle);
    const auto r = hn::SaturatedAdd(light, hn::Add(red, times(red, 0.402)));
    const auto g = hn::SaturatedAdd(light, hn::Add(times(blue, -0.344136), times(red, -0.714136)));
    const auto b = hn::SaturatedAdd(light, hn::Add(blue, times(blue, 0.772)));
    hn::StoreInterleaved3(level(r), level(g), level(b), bytes, rgb + 3 * i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace athanor::vision::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace athanor::vision::kernels {

HWY_EXPORT(BlendRows);
HWY_EXPORT(TransposeBlock);
HWY_EXPORT(BlendColumns);
HWY_EXPORT(TransposeBack);
HWY_EXPORT(ScaleAndShift);
HWY_EXPORT(YccToRgb);

void blend_rows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps,
                std::size_t count, std::int16_t* out) {
  HWY_DYNAMIC_DISPATCH(BlendRows)(rows, weights, taps, count, out);
}

void transpose_block(const std::int16_t* in, std::size_t stride, std::size_t count,
                     std::int16_t* out) {
  HWY_DYNAMIC_DISPATCH(TransposeBlock)(in, stride, count, out);
}

void blend_columns(const std::int16_t* columns, const int* first, const std::int16_t* weights,
                   int taps, int width, int channels, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(BlendColumns)(columns, first, weights, taps, width, channels, out);
}

void ycc_to_rgb(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr,
                std::size_t count, std::uint8_t* rgb) {
  HWY_DYNAMIC_DISPATCH(YccToRgb)(y, cb, cr, count, rgb);
}

void transpose_back(const std::uint8_t* in, std::size_t count, std::size_t stride,
                    std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(TransposeBack)(in, count, stride, out);
}

void scale_and_shift(const std::uint8_t* in, std::size_t count, const float* scale,
                     const float* shift, int period, float* out) {
  HWY_DYNAMIC_DISPATCH(ScaleAndShift)(in, count, scale, shift, period, out);
}

}  // namespace athanor::vision::kernels
#endif
