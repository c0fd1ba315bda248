#include "athanor/vision/image/resize.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/resize_kernels.hpp"

namespace athanor::vision {

namespace {

/// For each output position the source positions that it reads, and their weights.
struct Taps {
  int count = 0;           // per output, padded with zero weights
  std::vector<int> first;  // where the taps of an output begin; always inside the source
  std::vector<std::int16_t> weights;
  int begin = 0, end = 0;  // of all source positions that are read
};

/// Weights to 15 bits; the rounding error of one is carried to the next, so they add up to 1.
void quantise(const std::vector<double>& exact, std::int16_t* out) {
  double total = 0;
  for (const double w : exact) total += w;
  double sum = 0;
  std::int64_t given = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    sum += exact[i] / total;
    const std::int64_t upto = static_cast<std::int64_t>(std::floor(sum * 32767 + 0.5));
    out[i] = static_cast<std::int16_t>(upto - given);
    given = upto;
  }
}

/// The taps of Pillow's BILINEAR over [from, from + length) of `size` source positions.
Taps triangle_taps(int size, double from, double length, int out_size) {
  const double scale = length / out_size;
  const double stretch = std::max(scale, 1.0);
  Taps taps;
  std::vector<std::vector<double>> exact(static_cast<std::size_t>(out_size));
  taps.first.resize(exact.size());
  for (int i = 0; i < out_size; ++i) {
    const double center = from + (i + 0.5) * scale;
    const int low = std::max(0, static_cast<int>(center - stretch + 0.5));
    const int high = std::min(size, static_cast<int>(center + stretch + 0.5));
    auto& weights = exact[static_cast<std::size_t>(i)];
    for (int s = low; s < high; ++s)
      weights.push_back(std::max(0.0, 1 - std::abs((s - center + 0.5) / stretch)));
    double total = 0;
    for (const double w : weights) total += w;
    // A window can miss all centres by the rounding of its ends: then the nearest one counts.
    if (total <= 0) {
      taps.first[static_cast<std::size_t>(i)] = std::clamp(static_cast<int>(center), 0, size - 1);
      weights.assign(1, 1.0);
    } else {
      taps.first[static_cast<std::size_t>(i)] = low;
    }
    taps.count = std::max(taps.count, static_cast<int>(weights.size()));
  }
  taps.count = std::min(taps.count, size);
  taps.weights.assign(exact.size() * static_cast<std::size_t>(taps.count), 0);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    // Near the end the window is moved so that its unused taps read pixels that exist.
    const int shift = std::max(0, taps.first[i] + taps.count - size);
    taps.first[i] -= shift;
    quantise(exact[i], taps.weights.data() + i * static_cast<std::size_t>(taps.count) + shift);
  }
  return taps;
}

/// Two taps for each output: the pixels left and right of its centre, held at the borders.
Taps bilinear_taps(int size, double from, double length, int out_size) {
  const double scale = length / out_size;
  Taps taps;
  taps.count = std::min(2, size);
  taps.first.resize(static_cast<std::size_t>(out_size));
  taps.weights.assign(taps.first.size() * static_cast<std::size_t>(taps.count), 0);
  for (int i = 0; i < out_size; ++i) {
    const double x = std::clamp(from + (i + 0.5) * scale - 0.5, 0.0, size - 1.0);
    const int left = std::max(0, std::min(static_cast<int>(x), size - 2));
    taps.first[static_cast<std::size_t>(i)] = left;
    std::int16_t* weights = taps.weights.data() + static_cast<std::size_t>(i) * taps.count;
    if (taps.count == 1)
      weights[0] = 32767;
    else
      quantise({1 - (x - left), x - left}, weights);
  }
  return taps;
}

void find_range(Taps& taps) {
  taps.begin = *std::min_element(taps.first.begin(), taps.first.end());
  taps.end = *std::max_element(taps.first.begin(), taps.first.end()) + taps.count;
}

std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Both passes, kBlockRows output rows at a time so that what is between them stays in the cache:
/// first the rows are blended, then the block is turned so that a vector holds one column, the
/// columns are blended, and the result is turned back.
Image blend(const Image& in, const Taps& across, const Taps& down, int width, int height) {
  using namespace kernels;
  const std::size_t channels = static_cast<std::size_t>(in.channels);
  const std::size_t offset = static_cast<std::size_t>(across.begin) * channels;
  const std::size_t used = static_cast<std::size_t>(across.end - across.begin) * channels;
  const std::size_t stride = round_up(used, 16) + kSlack;
  const std::size_t out_row = static_cast<std::size_t>(width) * channels;
  const std::size_t out_stride = round_up(out_row, 16);
  std::vector<std::int16_t> blended(stride * kBlockRows), columns(stride * kBlockRows);
  std::vector<std::uint8_t> turned(out_stride * kBlockRows), lines(out_stride * kBlockRows);
  std::vector<const std::uint8_t*> rows(static_cast<std::size_t>(down.count));

  // Vector loads may read behind a row; the last rows are copied to where that is allowed.
  const std::uint8_t* end = in.pixels.data() + in.pixels.size();
  std::vector<std::uint8_t> tail;
  int tail_begin = in.height;
  while (tail_begin > down.begin &&
         static_cast<std::size_t>(end - in.row(tail_begin - 1)) < offset + used + kSlack)
    --tail_begin;
  const std::size_t tail_bytes = static_cast<std::size_t>(in.height - tail_begin) * in.row_bytes();
  if (tail_bytes > 0) {
    tail.resize(tail_bytes + kSlack);
    std::memcpy(tail.data(), in.row(tail_begin), tail_bytes);
  }

  Image out(width, height, in.channels);
  for (int block = 0; block < height; block += kBlockRows) {
    const int count = std::min(kBlockRows, height - block);
    for (int r = 0; r < count; ++r) {
      const int first = down.first[static_cast<std::size_t>(block + r)];
      for (int t = 0; t < down.count; ++t) {
        const int y = first + t;
        rows[static_cast<std::size_t>(t)] =
            (y < tail_begin
                 ? in.row(y)
                 : tail.data() + static_cast<std::size_t>(y - tail_begin) * in.row_bytes()) +
            offset;
      }
      blend_rows(rows.data(),
                 down.weights.data() + static_cast<std::size_t>(block + r) * down.count, down.count,
                 used, blended.data() + static_cast<std::size_t>(r) * stride);
    }
    transpose_block(blended.data(), stride, used, columns.data());
    for (int x = 0; x < width; ++x) {
      const std::size_t from =
          static_cast<std::size_t>(across.first[static_cast<std::size_t>(x)] - across.begin) *
          channels * kBlockRows;
      blend_columns(columns.data() + from,
                    across.weights.data() + static_cast<std::size_t>(x) * across.count,
                    across.count, in.channels,
                    turned.data() + static_cast<std::size_t>(x) * channels * kBlockRows);
    }
    transpose_back(turned.data(), out_stride, out_stride, lines.data());
    for (int r = 0; r < count; ++r)
      std::memcpy(out.row(block + r), lines.data() + static_cast<std::size_t>(r) * out_stride,
                  out_row);
  }
  return out;
}

Image pick_nearest(const Image& in, const Region& region, int width, int height) {
  Image out(width, height, in.channels);
  const auto position = [](double from, double length, int count, int i, int size) {
    return std::clamp(static_cast<int>(std::floor(from + (i + 0.5) * length / count)), 0, size - 1);
  };
  std::vector<int> columns(static_cast<std::size_t>(width));
  for (int x = 0; x < width; ++x)
    columns[static_cast<std::size_t>(x)] = position(region.x, region.width, width, x, in.width);
  for (int y = 0; y < height; ++y) {
    const int from = position(region.y, region.height, height, y, in.height);
    std::uint8_t* to = out.row(y);
    for (const int x : columns)
      for (int c = 0; c < in.channels; ++c) *to++ = in.at(x, from)[c];
  }
  return out;
}

}  // namespace

Image resize(const Image& image, int width, int height, Interpolation interpolation) {
  check(image, "resize");
  if (width == image.width && height == image.height) return image;
  return resize_region(image, {0, 0, double(image.width), double(image.height)}, width, height,
                       interpolation);
}

Image resize_region(const Image& image, const Region& region, int width, int height,
                    Interpolation interpolation) {
  check(image, "resize");
  require(width >= 1 && height >= 1 && width <= kMaxSide && height <= kMaxSide,
          "resize: the size must be from 1x1 to {0}x{0}, got {1}x{2}", kMaxSide, width, height);
  require(region.x >= 0 && region.y >= 0 && region.width > 0 && region.height > 0 &&
              region.x + region.width <= image.width && region.y + region.height <= image.height,
          "resize: the region {}x{} at ({}, {}) does not lie inside a picture of {}x{}",
          region.width, region.height, region.x, region.y, image.width, image.height);
  if (interpolation == Interpolation::nearest) return pick_nearest(image, region, width, height);
  const auto make = interpolation == Interpolation::antialias ? triangle_taps : bilinear_taps;
  Taps across = make(image.width, region.x, region.width, width);
  Taps down = make(image.height, region.y, region.height, height);
  find_range(across);
  find_range(down);
  return blend(image, across, down, width, height);
}

}  // namespace athanor::vision
