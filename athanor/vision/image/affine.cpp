#include "athanor/vision/image/affine.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "athanor/base/error.hpp"

namespace athanor::vision {

namespace {

// Source coordinates step with 32 fractional bits, so a row is integer arithmetic only; weights
// have 11.
constexpr double kOne = 4294967296.0;
constexpr int kWeightBits = 11;

template <int C>
void sample_row(const Image& in, std::int64_t u, std::int64_t v, std::int64_t du, std::int64_t dv,
                const Fill& fill, std::uint8_t* out, int width) {
  constexpr int kUnit = 1 << kWeightBits;
  constexpr std::int64_t kHalf = std::int64_t{1} << 31;
  const std::int64_t w = std::int64_t{in.width} << 32, h = std::int64_t{in.height} << 32;
  for (int x = 0; x < width; ++x, u += du, v += dv, out += C) {
    if (u < 0 || v < 0 || u >= w || v >= h) {
      for (int c = 0; c < C; ++c) out[c] = fill[static_cast<std::size_t>(c)];
      continue;
    }
    const std::int64_t s = u - kHalf, t = v - kHalf;
    const int x0 = static_cast<int>(s >> 32), y0 = static_cast<int>(t >> 32);
    const int wx = static_cast<int>((s >> (32 - kWeightBits)) & (kUnit - 1));
    const int wy = static_cast<int>((t >> (32 - kWeightBits)) & (kUnit - 1));
    const int left = std::max(x0, 0), right = std::min(x0 + 1, in.width - 1);
    const std::uint8_t* upper = in.row(std::max(y0, 0));
    const std::uint8_t* lower = in.row(std::min(y0 + 1, in.height - 1));
    for (int c = 0; c < C; ++c) {
      const int a = upper[left * C + c] * (kUnit - wx) + upper[right * C + c] * wx;
      const int b = lower[left * C + c] * (kUnit - wx) + lower[right * C + c] * wx;
      out[c] = static_cast<std::uint8_t>(
          (a * (kUnit - wy) + b * wy + (1 << (2 * kWeightBits - 1))) >> (2 * kWeightBits));
    }
  }
}

}  // namespace

AffineMap map_of(const Movement& m, int width, int height) {
  const double angle = m.degrees * std::numbers::pi / 180;
  const double cosine = std::cos(angle) * m.scale, sine = std::sin(angle) * m.scale;
  // Forward: turn * shear, with y pointing down.
  const double a = cosine + sine * m.shear_y, b = cosine * m.shear_x + sine;
  const double d = -sine + cosine * m.shear_y, e = -sine * m.shear_x + cosine;
  const double determinant = a * e - b * d;
  require(std::isfinite(determinant) && std::abs(determinant) > 1e-6,
          "affine: the movement flattens the picture (scale {}, shear {} and {})", m.scale,
          m.shear_x, m.shear_y);
  AffineMap map;
  map.a = e / determinant;
  map.b = -b / determinant;
  map.d = -d / determinant;
  map.e = a / determinant;
  const double x = width / 2.0, y = height / 2.0;
  map.c = x - map.a * (x + m.shift_x) - map.b * (y + m.shift_y);
  map.f = y - map.d * (x + m.shift_x) - map.e * (y + m.shift_y);
  return map;
}

Image affine(const Image& image, const AffineMap& m, const Fill& fill) {
  check(image, "affine");
  // Beyond this the 31 integer bits of a coordinate could overflow.
  for (const double value : {m.a, m.b, m.d, m.e})
    require(std::abs(value) <= 256, "affine: coefficients must be from -256 to 256, got {}", value);
  for (const double value : {m.c, m.f})
    require(std::abs(value) <= 1e8, "affine: a shift must be from -1e8 to 1e8, got {}", value);
  Image out(image.width, image.height, image.channels);
  const auto fixed = [](double value) {
    return static_cast<std::int64_t>(std::llround(value * kOne));
  };
  for (int y = 0; y < out.height; ++y) {
    const double row = y + 0.5;
    const std::int64_t u = fixed(m.a * 0.5 + m.b * row + m.c);
    const std::int64_t v = fixed(m.d * 0.5 + m.e * row + m.f);
    const auto sample = image.channels == 1   ? sample_row<1>
                        : image.channels == 3 ? sample_row<3>
                                              : sample_row<4>;
    sample(image, u, v, fixed(m.a), fixed(m.d), fill, out.row(y), out.width);
  }
  return out;
}

}  // namespace athanor::vision
