#include "athanor/backends/cpu/strided_copy.hpp"

#include <algorithm>
#include <cstring>

#include "athanor/base/parallel.hpp"

namespace athanor::backends::cpu {

namespace {

struct Axis {
  std::int64_t size, from, to;  // strides in elements
};
using Axes = SmallVector<Axis, 8>;

constexpr std::int64_t kBlock = 1 << 15;  // elements that one thread copies at a time
constexpr std::int64_t kTile = 16;

// Outermost axis of `to` first, axes that lie in memory as one joined, at least two axes; the
// innermost is the densest of `to`, the one before it the densest of `from`.
Axes plan(const Tensor& from, const Tensor& to) {
  Axes axes;
  for (std::size_t i = 0; i < from.shape().size(); ++i)
    if (from.shape()[i] != 1) axes.push_back({from.shape()[i], from.strides()[i], to.strides()[i]});
  std::stable_sort(axes.begin(), axes.end(),
                   [](const Axis& a, const Axis& b) { return a.to > b.to; });
  Axes joined;
  for (const Axis& axis : axes) {
    if (!joined.empty() && joined.back().from == axis.from * axis.size &&
        joined.back().to == axis.to * axis.size) {
      joined.back() = {joined.back().size * axis.size, axis.from, axis.to};
    } else {
      joined.push_back(axis);
    }
  }
  while (joined.size() < 2) joined.insert(joined.begin(), Axis{1, 0, 0});
  std::size_t densest = joined.size() - 1;
  for (std::size_t i = 0; i < joined.size(); ++i)
    if (joined[i].size > 1 && std::abs(joined[i].from) < std::abs(joined[densest].from) &&
        joined[i].from != 0)
      densest = i;
  if (densest + 2 < joined.size())
    std::rotate(joined.begin() + densest, joined.begin() + densest + 1, joined.end() - 1);
  return joined;
}

template <class W>
void transpose(const W* from, W* to, const Axis& rows, const Axis& columns, std::int64_t begin,
               std::int64_t end) {
  for (std::int64_t r = begin; r < end; r += kTile) {
    const std::int64_t height = std::min(kTile, end - r);
    for (std::int64_t c = 0; c < columns.size; c += kTile) {
      const std::int64_t width = std::min(kTile, columns.size - c);
      W tile[kTile][kTile];
      if (height == kTile && width == kTile) {
        for (std::int64_t j = 0; j < kTile; ++j)
          std::memcpy(tile[j], from + r + (c + j) * columns.from, sizeof tile[j]);
        for (std::int64_t i = 0; i < kTile; ++i) {
          W* out = to + (r + i) * rows.to + c;
          for (std::int64_t j = 0; j < kTile; ++j) out[j] = tile[j][i];
        }
      } else {
        for (std::int64_t i = 0; i < height; ++i)
          for (std::int64_t j = 0; j < width; ++j)
            to[(r + i) * rows.to + c + j] = from[r + i + (c + j) * columns.from];
      }
    }
  }
}

template <class W>
void copy_rows(const W* from, W* to, const Axis& rows, const Axis& columns, std::int64_t begin,
               std::int64_t end) {
  if (rows.from == 1 && columns.to == 1 && columns.from != 1) {
    transpose(from, to, rows, columns, begin, end);
    return;
  }
  for (std::int64_t r = begin; r < end; ++r) {
    const W* a = from + r * rows.from;
    W* b = to + r * rows.to;
    if (columns.from == 1 && columns.to == 1) {
      std::memcpy(b, a, static_cast<std::size_t>(columns.size) * sizeof(W));
    } else if (columns.to == 1) {
      for (std::int64_t c = 0; c < columns.size; ++c) b[c] = a[c * columns.from];
    } else {
      for (std::int64_t c = 0; c < columns.size; ++c) b[c * columns.to] = a[c * columns.from];
    }
  }
}

template <class W>
void copy_all(const W* from, W* to, const Axes& axes) {
  Axis rows = axes[axes.size() - 2], columns = axes.back();
  if (rows.size == 1 && columns.from == 1 && columns.to == 1) {
    // One long run: cut it, so that every thread gets a part.
    parallel_for(columns.size, kBlock, [&](std::int64_t begin, std::int64_t end) {
      std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin) * sizeof(W));
    });
    return;
  }
  std::int64_t outer = 1;
  for (std::size_t i = 0; i + 2 < axes.size(); ++i) outer *= axes[i].size;
  std::int64_t height = std::max<std::int64_t>(1, kBlock / columns.size);
  height = std::min(rows.size, (height + kTile - 1) / kTile * kTile);
  const std::int64_t blocks = (rows.size + height - 1) / height;
  const std::int64_t grain = std::max<std::int64_t>(1, kBlock / (height * columns.size));
  parallel_for(outer * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      std::int64_t rest = unit / blocks, a = 0, b = 0;
      for (std::size_t i = axes.size() - 2; i-- > 0;) {
        const std::int64_t at = rest % axes[i].size;
        rest /= axes[i].size;
        a += at * axes[i].from;
        b += at * axes[i].to;
      }
      const std::int64_t first = unit % blocks * height;
      copy_rows(from + a, to + b, rows, columns, first, std::min(rows.size, first + height));
    }
  });
}

}  // namespace

void copy_strided(const Tensor& from, const Tensor& to) {
  ATH_ASSERT(from.shape() == to.shape() && from.dtype() == to.dtype());
  if (from.count() == 0) return;
  const Axes axes = plan(from, to);
  switch (size_of(from.dtype())) {
    case 1:
      return copy_all(static_cast<const std::uint8_t*>(from.raw()),
                      static_cast<std::uint8_t*>(to.raw()), axes);
    case 2:
      return copy_all(static_cast<const std::uint16_t*>(from.raw()),
                      static_cast<std::uint16_t*>(to.raw()), axes);
    case 4:
      return copy_all(static_cast<const std::uint32_t*>(from.raw()),
                      static_cast<std::uint32_t*>(to.raw()), axes);
    default:
      return copy_all(static_cast<const std::uint64_t*>(from.raw()),
                      static_cast<std::uint64_t*>(to.raw()), axes);
  }
}

Tensor row_major(const Tensor& t) {
  if (t.is_contiguous()) return t;
  const Tensor out = Tensor::empty(t.shape(), t.dtype(), t.device());
  copy_strided(t, out);
  return out;
}

}  // namespace athanor::backends::cpu
