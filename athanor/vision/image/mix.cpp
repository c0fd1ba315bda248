#include "athanor/vision/image/mix.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "athanor/base/error.hpp"

namespace athanor::vision {

namespace {

int below(Random& random, int n) {
  return static_cast<int>(random.below(static_cast<std::uint64_t>(n)));
}

/// Gamma(alpha, 1) by Marsaglia and Tsang 2000; below 1 by the power of a uniform (their section
/// 6). Its logarithm, because for small alpha the number itself underflows.
double draw_log_gamma(double alpha, Random& random) {
  const auto uniform = [&] { return (random.word() + 0.5) / 4294967296.0; };
  if (alpha < 1) {
    const double log_gamma = draw_log_gamma(alpha + 1, random);
    return log_gamma + std::log(uniform()) / alpha;
  }
  const double d = alpha - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal(), v = 1 + c * x;
    if (v <= 0) continue;
    const double cube = v * v * v;
    if (std::log(uniform()) < 0.5 * x * x + d - d * cube + d * std::log(cube))
      return std::log(d * cube);
  }
}

float draw_beta(double alpha, Random& random) {
  const double a = draw_log_gamma(alpha, random), b = draw_log_gamma(alpha, random);
  return static_cast<float>(1 / (1 + std::exp(b - a)));
}

void check_sizes(const Mix& mix, std::size_t in, std::size_t out, std::size_t each,
                 const char* where) {
  require<ShapeError>(in == mix.partner.size() * each && out == in,
                      "{}: {} samples of {} values are expected, got {} and {} values", where,
                      mix.partner.size(), each, in, out);
}

}  // namespace

Mix draw_mixup(int batch, float alpha, Random& random) {
  require(batch >= 1, "mixup: a batch has at least 1 sample, got {}", batch);
  require(alpha > 0 && std::isfinite(alpha), "mixup: alpha must be above 0, got {}", alpha);
  Mix mix;
  mix.lambda = draw_beta(alpha, random);
  mix.partner.resize(static_cast<std::size_t>(batch));
  std::iota(mix.partner.begin(), mix.partner.end(), 0);
  for (int i = batch - 1; i > 0; --i)
    std::swap(mix.partner[static_cast<std::size_t>(i)],
              mix.partner[static_cast<std::size_t>(below(random, i + 1))]);
  return mix;
}

Mix draw_cutmix(int batch, int width, int height, float alpha, Random& random) {
  require(width >= 1 && height >= 1, "cutmix: a picture has at least 1x1 pixels, got {}x{}", width,
          height);
  Mix mix = draw_mixup(batch, alpha, random);
  const double side = std::sqrt(1 - static_cast<double>(mix.lambda));
  const int w = static_cast<int>(width * side), h = static_cast<int>(height * side);
  const int cx = below(random, width), cy = below(random, height);
  mix.x = std::clamp(cx - w / 2, 0, width);
  mix.y = std::clamp(cy - h / 2, 0, height);
  mix.width = std::clamp(cx - w / 2 + w, 0, width) - mix.x;
  mix.height = std::clamp(cy - h / 2 + h, 0, height) - mix.y;
  mix.lambda = 1 - static_cast<float>(static_cast<double>(mix.width) * mix.height /
                                      (static_cast<double>(width) * height));
  return mix;
}

void apply_mix(const Mix& mix, std::span<const float> in, std::span<float> out, int height,
               int width, int channels) {
  require<ShapeError>(height >= 1 && width >= 1 && channels >= 1,
                      "apply_mix: pictures of {}x{} with {} channels", width, height, channels);
  require<ShapeError>(
      mix.x >= 0 && mix.y >= 0 && mix.x + mix.width <= width && mix.y + mix.height <= height,
      "apply_mix: the rectangle {}x{} at ({}, {}) is not inside {}x{}", mix.width, mix.height,
      mix.x, mix.y, width, height);
  const std::size_t row = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  const std::size_t each = row * static_cast<std::size_t>(height);
  check_sizes(mix, in.size(), out.size(), each, "apply_mix");
  const bool cut = mix.width > 0 && mix.height > 0;
  for (std::size_t i = 0; i < mix.partner.size(); ++i) {
    const float* own = in.data() + i * each;
    const float* other = in.data() + static_cast<std::size_t>(mix.partner[i]) * each;
    float* to = out.data() + i * each;
    if (!cut) {
      const float share = mix.lambda, rest = 1 - mix.lambda;
      for (std::size_t k = 0; k < each; ++k) to[k] = share * own[k] + rest * other[k];
      continue;
    }
    std::copy_n(own, each, to);
    const std::size_t length = static_cast<std::size_t>(mix.width) * channels;
    for (int y = mix.y; y < mix.y + mix.height; ++y) {
      const std::size_t at =
          static_cast<std::size_t>(y) * row + static_cast<std::size_t>(mix.x) * channels;
      std::copy_n(other + at, length, to + at);
    }
  }
}

void mix_targets(const Mix& mix, std::span<const float> in, std::span<float> out, int classes) {
  require<ShapeError>(classes >= 1, "mix_targets: {} classes", classes);
  const auto each = static_cast<std::size_t>(classes);
  check_sizes(mix, in.size(), out.size(), each, "mix_targets");
  for (std::size_t i = 0; i < mix.partner.size(); ++i)
    for (std::size_t k = 0; k < each; ++k)
      out[i * each + k] =
          mix.lambda * in[i * each + k] +
          (1 - mix.lambda) * in[static_cast<std::size_t>(mix.partner[i]) * each + k];
}

}  // namespace athanor::vision
