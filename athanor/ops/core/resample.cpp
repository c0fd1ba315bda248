#include "athanor/ops/core/resample.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "athanor/ops/core/infer.hpp"

namespace athanor::ops {

namespace {

constexpr std::array<std::string_view, 5> kModes{"nearest", "nearest-exact", "linear", "bilinear",
                                                 "bicubic"};

void add_tap(ResampleTable& t, std::int64_t place, double weight) {
  t.place.push_back(std::clamp<std::int64_t>(place, 0, t.columns - 1));
  t.weight.push_back(weight);
}

// The cubic convolution of Keys 1981 at distance x.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// The filter is as wide as the pixels of the result when these are the larger ones.
void add_antialiased(ResampleTable& t, double scale, double center, bool is_cubic) {
  const double wide = std::max(scale, 1.0), support = (is_cubic ? 2.0 : 1.0) * wide;
  const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(center - support + 0.5));
  const auto end = std::min<std::int64_t>(
      t.columns, std::max<std::int64_t>(0, static_cast<std::int64_t>(center + support + 0.5)));
  double total = 0;
  const std::size_t begin = t.weight.size();
  for (std::int64_t j = first; j < end; ++j) {
    const double x = (static_cast<double>(j) - center + 0.5) / wide;
    const double w = is_cubic ? cubic(x, -0.5) : std::max(0.0, 1 - std::abs(x));
    total += w;
    add_tap(t, j, w);
  }
  if (total != 0)
    for (std::size_t k = begin; k < t.weight.size(); ++k) t.weight[k] /= total;
}

ResampleTable resample_table(std::string_view mode, std::int64_t in, std::int64_t out, double given,
                             bool align, bool antialias) {
  ResampleTable t{out, in, {0}, {}, {}};
  double scale = given > 0 ? 1 / given : static_cast<double>(in) / static_cast<double>(out);
  if (align) scale = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  const double half = align ? 0 : 0.5;
  const bool is_cubic = mode == "bicubic";
  for (std::int64_t i = 0; i < out; ++i) {
    const auto at = static_cast<double>(i);
    const double source = scale * (at + half) - half;
    if (mode.starts_with("nearest")) {
      // In float32 for every dtype, as PyTorch: elsewhere the border between two pixels would move.
      const float step = given > 0 ? static_cast<float>(1 / given)
                                   : static_cast<float>(in) / static_cast<float>(out);
      const float from = (static_cast<float>(i) + (mode == "nearest" ? 0.0F : 0.5F)) * step;
      add_tap(t, static_cast<std::int64_t>(std::floor(from)), 1);
    } else if (antialias) {
      add_antialiased(t, scale, scale * (at + 0.5), is_cubic);
    } else if (is_cubic) {
      const double low = std::floor(source);
      for (int k = -1; k <= 2; ++k)
        add_tap(t, static_cast<std::int64_t>(low) + k, cubic(source - low - k, -0.75));
    } else {
      // One size is a copy, whatever scale was given: as PyTorch.
      const double inside = in == out ? at : std::max(source, 0.0);
      const double low = std::floor(inside);
      add_tap(t, static_cast<std::int64_t>(low), 1 - (inside - low));
      add_tap(t, static_cast<std::int64_t>(low) + 1, inside - low);
    }
    t.starts.push_back(static_cast<std::int64_t>(t.place.size()));
  }
  return t;
}

}  // namespace

ResampleTable ResampleTable::transposed() const {
  ResampleTable t{columns, rows, std::vector<std::int64_t>(static_cast<std::size_t>(columns) + 1),
                  std::vector<std::int64_t>(place.size()), std::vector<double>(place.size())};
  for (std::int64_t p : place) ++t.starts[static_cast<std::size_t>(p) + 1];
  for (std::size_t i = 1; i < t.starts.size(); ++i) t.starts[i] += t.starts[i - 1];
  std::vector<std::int64_t> next(t.starts.begin(), t.starts.end() - 1);
  for (std::int64_t row = 0; row < rows; ++row)
    for (auto k = static_cast<std::size_t>(starts[static_cast<std::size_t>(row)]);
         k < static_cast<std::size_t>(starts[static_cast<std::size_t>(row) + 1]); ++k) {
      const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(place[k])]++);
      t.place[to] = row;
      t.weight[to] = weight[k];
    }
  return t;
}

Tensor ResampleTable::dense(DType dtype) const {
  std::vector<double> values(static_cast<std::size_t>(rows * columns));
  for (std::int64_t row = 0; row < rows; ++row)
    for (auto k = starts[static_cast<std::size_t>(row)];
         k < starts[static_cast<std::size_t>(row) + 1]; ++k)
      values[static_cast<std::size_t>(row * columns + place[static_cast<std::size_t>(k)])] +=
          weight[static_cast<std::size_t>(k)];
  return from_doubles(values, {rows, columns}, dtype);
}

double given_scale(const Attrs& a, std::size_t i, std::size_t axes) {
  return a.real(i + 1 == axes ? "width_scale" : "height_scale");
}

std::vector<ResampleTable> resample_tables(const Dims& input, const Dims& output, const Attrs& a) {
  std::vector<ResampleTable> tables;
  for (std::size_t i = 0; i < input.size(); ++i)
    tables.push_back(resample_table(a.text("mode"), input[i], output[i],
                                    given_scale(a, i, input.size()), a.flag("align_corners"),
                                    a.flag("antialias")));
  return tables;
}

Dims resampled_size(std::string_view op, const TensorMeta& x, const Attrs& a, Dims size) {
  const std::string& mode = a.text("mode");
  require_choice(op, "mode", mode, kModes);
  const std::size_t axes = x.shape.size() < 2 ? 0 : x.shape.size() - 2;
  require<ShapeError>(axes == 1 || axes == 2, "{}: x is {}; it must be [N, C, L] or [N, C, H, W]",
                      op, describe(x));
  require<ShapeError>(
      (mode != "linear" || axes == 1) && (axes == 2 || (mode != "bilinear" && mode != "bicubic")),
      "{}: mode {} needs {}, x is {}", op, mode, mode == "linear" ? "[N, C, L]" : "[N, C, H, W]",
      describe(x));
  require(!a.flag("align_corners") || !mode.starts_with("nearest"),
          "{}: align_corners has a meaning for linear, bilinear and bicubic, not for {}", op, mode);
  require(!a.flag("antialias") || mode == "bilinear" || mode == "bicubic",
          "{}: antialias has a meaning for bilinear and bicubic, not for {}", op, mode);
  require(size.empty() || size.size() == axes,
          "{}: size is {}; x {} needs {} number{}, or none and scales", op, list_of(size),
          describe(x), axes, axes == 1 ? "" : "s");
  const bool from_scale = size.empty();
  for (std::size_t i = 0; i < axes; ++i) {
    require_static_axis(op, x, static_cast<std::int64_t>(i) + 2, "resample it");
    const double scale = given_scale(a, i, axes);
    require(std::isfinite(scale) && scale >= 0 && (!from_scale || scale > 0),
            "{}: the scale of axis {} is {}; it must be above 0{}", op, i + 2, scale,
            from_scale ? " when there is no size" : ", or 0 for none");
    const double wanted = std::floor(static_cast<double>(x.shape[i + 2]) * scale);
    require<ShapeError>(!from_scale || wanted < 2147483648.0,
                        "{}: scale {} makes axis {} of {} longer than 2147483647", op, scale, i + 2,
                        describe(x));
    if (from_scale) size.push_back(static_cast<std::int64_t>(wanted));
    require<ShapeError>(x.shape[i + 2] >= 1 && size[i] >= 1,
                        "{}: axis {} of {} would become {}; both sizes must be at least 1", op,
                        i + 2, describe(x), size[i]);
  }
  return size;
}

}  // namespace athanor::ops
