#include "athanor/ops/dynamic.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "athanor/base/error.hpp"
#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

// A symbolic tensor has no values to read.
void require_values(const char* op, const Tensor& x) {
  require(!x.is_symbolic(),
          "{}: the shape of its result depends on the values of {}, which a graph that is being "
          "captured (or vmap) does not know",
          op, describe(x));
}

std::vector<std::int64_t> places_of(const Tensor& x) {
  std::vector<std::int64_t> places;
  const Tensor flat = contiguous(x.detach());
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* values = static_cast<const T*>(flat.raw());
    for (std::int64_t i = 0; i < x.count(); ++i)
      if (static_cast<double>(values[i]) != 0) places.push_back(i);
  });
  return places;
}

Tensor vector_of(const std::vector<std::int64_t>& values) {
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())});
}

struct Box {
  double left, top, right, bottom;
  double area() const { return std::max(0.0, right - left) * std::max(0.0, bottom - top); }
};

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const double both = width * height;
  return both / (a.area() + b.area() - both);
}

}  // namespace

Tensor nonzero(const Tensor& x) {
  require_values("nonzero", x);
  const std::vector<std::int64_t> places = places_of(x);
  const auto rank = static_cast<std::size_t>(x.rank());
  std::vector<std::int64_t> out(places.size() * rank);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Dims at = coordinates(x.shape(), places[i]);
    std::copy(at.begin(), at.end(), out.begin() + static_cast<std::ptrdiff_t>(i * rank));
  }
  return Tensor::from(out, {static_cast<std::int64_t>(places.size()), x.rank()});
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  require_values("masked_select", mask);
  require_dtype("masked_select", "mask", meta_of(mask), kBool);
  require<ShapeError>(broadcast_shapes(x.shape(), mask.shape(), "masked_select") == x.shape(),
                      "masked_select: the mask {} does not broadcast to x {}", describe(mask),
                      describe(x));
  return index_select(reshape(x, {x.count()}), vector_of(places_of(expand(mask, x.shape()))));
}

Unique unique(const Tensor& x) {
  require_values("unique", x);
  const Tensor flat = contiguous(x.detach());
  std::vector<std::int64_t> order(static_cast<std::size_t>(x.count())), first, counts;
  std::vector<std::int64_t> inverse(order.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* values = static_cast<const T*>(flat.raw());
    const auto before = [&](std::int64_t a, std::int64_t b) {
      const T u = values[a], v = values[b];
      return u < v || (v != v && u == u);  // NaN last
    };
    std::stable_sort(order.begin(), order.end(), before);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || before(order[i - 1], order[i])) {
        first.push_back(order[i]);
        counts.push_back(0);
      }
      ++counts.back();
      inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(first.size()) - 1;
    }
  });
  const Tensor places = vector_of(first);
  return {index_select(reshape(flat, {x.count()}), places), places,
          Tensor::from(inverse, x.shape()), vector_of(counts)};
}

Tensor nms(const Tensor& boxes, const Tensor& scores, double iou_threshold, const Tensor& classes) {
  require_values("nms", boxes);
  require_values("nms", scores);
  require_dtype("nms", "boxes", meta_of(boxes), kFloats);
  require<ShapeError>(boxes.rank() == 2 && boxes.dim(1) == 4,
                      "nms: boxes must be [N, 4]: left, top, right, bottom (boxes: {})",
                      describe(boxes));
  const Shape one{boxes.dim(0)};
  require<ShapeError>(scores.shape() == one,
                      "nms: scores must be [{}], one for each box (scores: {})", boxes.dim(0),
                      describe(scores));
  if (classes.defined()) {
    require_index("nms", meta_of(classes));
    require<ShapeError>(classes.shape() == one,
                        "nms: classes must be [{}], one for each box (classes: {})", boxes.dim(0),
                        describe(classes));
  }
  require(iou_threshold >= 0 && iou_threshold <= 1,
          "nms: iou_threshold is {}, it must be in [0, 1]", iou_threshold);
  const auto corners = boxes.to_vector<double>(), score = scores.to_vector<double>();
  for (std::size_t i = 0; i < score.size(); ++i)
    require(!std::isnan(score[i]) &&
                std::none_of(corners.begin() + static_cast<std::ptrdiff_t>(4 * i),
                             corners.begin() + static_cast<std::ptrdiff_t>(4 * i + 4),
                             [](double c) { return std::isnan(c); }),
            "nms: box {} or its score is NaN", i);
  std::vector<std::int64_t> category(score.size(), 0);
  if (classes.defined()) category = classes.to_vector<std::int64_t>();
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  std::vector<std::int64_t> kept;
  for (const std::size_t i : order) {
    const Box box{corners[4 * i], corners[4 * i + 1], corners[4 * i + 2], corners[4 * i + 3]};
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](std::int64_t k) {
      const auto j = static_cast<std::size_t>(k);
      return category[i] == category[j] &&
             overlap(box, {corners[4 * j], corners[4 * j + 1], corners[4 * j + 2],
                           corners[4 * j + 3]}) > iou_threshold;
    });
    if (!covered) kept.push_back(static_cast<std::int64_t>(i));
  }
  return vector_of(kept);
}

}  // namespace athanor::ops
