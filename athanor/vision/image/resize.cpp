#include "athanor/vision/image/resize.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/pixel_view.hpp"
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
void quantise(const double* exact, int count, double total, std::int16_t* out) {
  const double scale = 32767 / total;
  double sum = 0;
  std::int32_t given = 0;
  for (int i = 0; i < count; ++i) {
    sum += exact[i];
    // The last one is exact, whatever the sum rounds to.
    const std::int32_t upto = i + 1 == count ? 32767 : static_cast<std::int32_t>(sum * scale + 0.5);
    out[i] = static_cast<std::int16_t>(upto - given);
    given = upto;
  }
}

/// The taps of Pillow's BILINEAR over [from, from + length) of `size` source positions.
Taps triangle_taps(int size, double from, double length, int out_size) {
  const double scale = length / out_size;
  const double stretch = std::max(scale, 1.0), shrink = 1 / stretch;
  Taps taps;
  taps.count = std::min(size, static_cast<int>(std::ceil(2 * stretch)) + 1);
  taps.first.resize(static_cast<std::size_t>(out_size));
  const auto room = static_cast<std::size_t>(taps.count);
  taps.weights.assign(taps.first.size() * room, 0);
  std::vector<double> exact(room);
  int most = 1;
  for (int i = 0; i < out_size; ++i) {
    const double center = from + (i + 0.5) * scale;
    int low = std::max(0, static_cast<int>(center - stretch + 0.5));
    const int high = std::min(size, static_cast<int>(center + stretch + 0.5));
    int count = std::min(high - low, taps.count);
    double total = 0;
    for (int k = 0; k < count; ++k) {
      exact[static_cast<std::size_t>(k)] =
          std::max(0.0, 1 - std::abs(low + k - center + 0.5) * shrink);
      total += exact[static_cast<std::size_t>(k)];
    }
    // A window can miss all centres by the rounding of its ends: then the nearest one counts.
    if (total <= 0) {
      low = std::clamp(static_cast<int>(center), 0, size - 1);
      exact[0] = total = count = 1;
    }
    // Near the end the window is moved so that its unused taps read pixels that exist.
    const int shift = std::max(0, low + taps.count - size);
    taps.first[static_cast<std::size_t>(i)] = low - shift;
    quantise(exact.data(), count, total,
             taps.weights.data() + static_cast<std::size_t>(i) * room + shift);
    most = std::max(most, shift + count);
  }
  if (most < taps.count) {
    // No output needs the last tap: close the gaps.
    for (std::size_t i = 0; i < taps.first.size(); ++i)
      std::copy_n(
          taps.weights.begin() + static_cast<std::ptrdiff_t>(i * room), most,
          taps.weights.begin() + static_cast<std::ptrdiff_t>(i * static_cast<std::size_t>(most)));
    taps.count = most;
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
    const double exact[] = {1 - (x - left), x - left};
    quantise(exact, taps.count, 1, taps.weights.data() + static_cast<std::size_t>(i) * taps.count);
  }
  return taps;
}

/// The first positions are counted from `begin`.
void find_range(Taps& taps) {
  taps.begin = *std::min_element(taps.first.begin(), taps.first.end());
  taps.end = *std::max_element(taps.first.begin(), taps.first.end()) + taps.count;
  for (int& first : taps.first) first -= taps.begin;
}

std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Both passes, kBlockRows output rows at a time so that what is between them stays in the cache:
/// first the rows are blended, then the block is turned so that a vector holds one column, the
/// columns are blended, and the result is turned back.
void blend(const PixelView& in, const Taps& across, const Taps& down, int width, int height,
           std::uint8_t* out) {
  using namespace kernels;
  const auto channels = static_cast<std::size_t>(in.channels);
  const std::size_t offset = static_cast<std::size_t>(across.begin) * channels;
  const std::size_t used = static_cast<std::size_t>(across.end - across.begin) * channels;
  const std::size_t stride = round_up(used, 16) + kSlack;
  const std::size_t out_row = static_cast<std::size_t>(width) * channels;
  const std::size_t out_stride = round_up(out_row, 16);
  std::vector<std::int16_t> blended(stride * kBlockRows), columns(stride * kBlockRows);
  std::vector<std::uint8_t> turned(out_stride * kBlockRows), lines(out_stride * kBlockRows);
  std::vector<const std::uint8_t*> rows(static_cast<std::size_t>(down.count));

  // Vector loads may read behind a row; the last rows are copied to where that is allowed.
  const auto row_of = [&](int y) { return in.pixels + static_cast<std::size_t>(y) * in.stride; };
  const std::uint8_t* end = row_of(in.height - 1) + static_cast<std::size_t>(in.width) * channels;
  int tail_begin = in.height;
  while (tail_begin > down.begin &&
         static_cast<std::size_t>(end - row_of(tail_begin - 1)) < offset + used + kSlack)
    --tail_begin;
  std::vector<std::uint8_t> tail;
  if (tail_begin < in.height) {
    const auto size = static_cast<std::size_t>(end - row_of(tail_begin));
    tail.resize(size + kSlack);
    std::memcpy(tail.data(), row_of(tail_begin), size);
  }

  for (int block = 0; block < height; block += kBlockRows) {
    const int count = std::min(kBlockRows, height - block);
    for (int r = 0; r < count; ++r) {
      const int first = down.begin + down.first[static_cast<std::size_t>(block + r)];
      for (int t = 0; t < down.count; ++t) {
        const int y = first + t;
        rows[static_cast<std::size_t>(t)] =
            (y < tail_begin ? row_of(y)
                            : tail.data() + static_cast<std::size_t>(y - tail_begin) * in.stride) +
            offset;
      }
      blend_rows(rows.data(),
                 down.weights.data() + static_cast<std::size_t>(block + r) * down.count, down.count,
                 used, blended.data() + static_cast<std::size_t>(r) * stride);
    }
    transpose_block(blended.data(), stride, used, columns.data());
    blend_columns(columns.data(), across.first.data(), across.weights.data(), across.count, width,
                  in.channels, turned.data());
    transpose_back(turned.data(), out_stride, out_stride, lines.data());
    for (int r = 0; r < count; ++r)
      std::memcpy(out + static_cast<std::size_t>(block + r) * out_row,
                  lines.data() + static_cast<std::size_t>(r) * out_stride, out_row);
  }
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
  Image out(width, height, image.channels);
  resize_view({image.pixels.data(), image.width, image.height, image.channels, image.row_bytes()},
              region, width, height, interpolation, out.pixels.data());
  return out;
}

void resize_view(const PixelView& in, const Region& region, int width, int height,
                 Interpolation interpolation, std::uint8_t* out) {
  ATH_ASSERT(interpolation != Interpolation::nearest);
  const auto make = interpolation == Interpolation::antialias ? triangle_taps : bilinear_taps;
  Taps across = make(in.width, region.x, region.width, width);
  Taps down = make(in.height, region.y, region.height, height);
  find_range(across);
  find_range(down);
  blend(in, across, down, width, height, out);
}

}  // namespace athanor::vision
