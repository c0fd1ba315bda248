#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/lines.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/backends/cpu/simd.hpp"
#include "athanor/base/parallel.hpp"

// Note [Order of sums]
// What is added to what depends on shape and strides alone: an output's elements are cut into
// chunks of fixed size, each chunk is summed in fixed lanes, and the chunks' sums are added in
// their order. Threads only choose who computes a chunk.
namespace athanor::backends::cpu {

namespace {

struct Axis {
  std::int64_t size, in, out;  // strides in elements
};

// The axes of a tensor, at most 32 (make_plan's mask).
struct Axes {
  Axis items[32];
  std::size_t count = 0;
  void push_back(const Axis& axis) { items[count++] = axis; }
  bool empty() const { return count == 0; }
  std::size_t size() const { return count; }
  Axis& back() { return items[count - 1]; }
  const Axis& back() const { return items[count - 1]; }
  const Axis& operator[](std::size_t i) const { return items[i]; }
};

// The axes of a reduction, outermost in memory first, joined where they lie as one.
struct Plan {
  Axes kept, reduced;
  std::int64_t outputs = 1, per_output = 1;
  bool columns = false;  // the densest axis is kept
};

void join(Axes& axes) {
  const auto before = [](const Axis& a, const Axis& b) {
    return (a.in == 0) != (b.in == 0) ? a.in == 0 : a.in > b.in;
  };
  for (std::size_t i = 1; i < axes.count; ++i)  // stable, and short lists
    for (std::size_t k = i; k > 0 && before(axes.items[k], axes.items[k - 1]); --k)
      std::swap(axes.items[k], axes.items[k - 1]);
  Axes joined;
  for (std::size_t i = 0; i < axes.count; ++i) {
    const Axis& axis = axes.items[i];
    if (!joined.empty() && joined.back().in == axis.in * axis.size &&
        joined.back().out == axis.out * axis.size) {
      joined.back() = {joined.back().size * axis.size, axis.in, axis.out};
    } else {
      joined.push_back(axis);
    }
  }
  axes = joined;
}

Plan make_plan(const Tensor& x, const Dims& axes) {
  const auto rank = static_cast<std::size_t>(x.rank());
  require<ShapeError>(rank <= 32, "a reduction takes at most 32 axes, {} has {}", describe(x),
                      rank);
  std::uint64_t mask = axes.empty() ? ~std::uint64_t{0} : 0;
  for (std::int64_t axis : axes) mask |= std::uint64_t{1} << (axis < 0 ? axis + x.rank() : axis);
  Plan plan;
  std::int64_t out = 1;
  for (std::size_t i = rank; i-- > 0;) {
    const std::int64_t size = x.shape()[i];
    const bool reduced = (mask >> i) & 1u;
    (reduced ? plan.per_output : plan.outputs) *= size;
    if (size != 1)
      (reduced ? plan.reduced : plan.kept).push_back({size, x.strides()[i], reduced ? 0 : out});
    if (!reduced) out *= size;
  }
  join(plan.kept);
  join(plan.reduced);
  plan.columns = !plan.kept.empty() && plan.kept.back().in == 1 &&
                 (plan.reduced.empty() || plan.reduced.back().in != 1);
  if (plan.reduced.empty()) plan.reduced.push_back({1, plan.columns ? 0 : 1, 0});
  return plan;
}

// True if the densest axis of x has stride 1 (or there is none).
bool has_runs(const Tensor& x) {
  bool any = false;
  for (std::size_t i = 0; i < x.shape().size(); ++i) {
    if (x.shape()[i] == 1) continue;
    if (x.strides()[i] == 1) return true;
    any = true;
  }
  return !any;
}

struct Place {
  std::int64_t in = 0, out = 0;
};

Place place_of(const Axes& axes, std::size_t count, std::int64_t index) {
  Place p;
  for (std::size_t i = count; i-- > 0;) {
    const std::int64_t at = i == 0 ? index : index % axes[i].size;
    index /= axes[i].size;
    p.in += at * axes[i].in;
    p.out += at * axes[i].out;
  }
  return p;
}

// Elements as f32 where T is a half.
template <class T>
const float* as_f32(const T* x, std::int64_t count, float* buffer) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    widen(x, buffer, count);
    return buffer;
  }
}

template <class T>
inline constexpr bool kThroughF32 = std::is_same_v<T, float> || std::is_class_v<T>;

// How a reduction adds up: run() over elements side by side, rows() over columns, combine() of two
// partial results.
template <class T>
struct Sum {
  using Total =
      std::conditional_t<std::is_floating_point_v<T> || std::is_class_v<T>, double, std::int64_t>;
  static Total start() { return 0; }
  static Total combine(Total a, Total b) { return a + b; }
  static Total run(const T* x, std::int64_t count) {
    if constexpr (kThroughF32<T>) {
      float buffer[std::is_same_v<T, float> ? 1 : 4096];
      constexpr std::int64_t step = std::is_same_v<T, float> ? kRun : 4096;
      double total = 0;
      for (std::int64_t i = 0; i < count; i += step) {
        const std::int64_t n = std::min(step, count - i);
        total += sum_run(as_f32(x + i, n, buffer), n);
      }
      return total;
    } else {
      Total lanes[8] = {};
      std::int64_t i = 0;
      for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; ++k) lanes[k] += static_cast<Total>(x[i + k]);
      for (; i < count; ++i) lanes[0] += static_cast<Total>(x[i]);
      return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
             ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    }
  }
  static void rows(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                   Total* totals, float* scratch, float* buffer) {
    if constexpr (kThroughF32<T>) {
      for (std::int64_t r = 0; r < rows; r += kRows) {
        const std::int64_t n = std::min(kRows, rows - r);
        std::fill_n(scratch, columns, 0.0f);
        if constexpr (std::is_same_v<T, float>) {
          add_rows(x + r * stride, n, stride, columns, scratch);
        } else {
          for (std::int64_t k = 0; k < n; ++k)
            add_rows(as_f32(x + (r + k) * stride, columns, buffer), 1, 0, columns, scratch);
        }
        for (std::int64_t c = 0; c < columns; ++c) totals[c] += static_cast<double>(scratch[c]);
      }
    } else {
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns; ++c)
          totals[c] += static_cast<Total>(x[r * stride + c]);
    }
  }
};

template <class T, bool kMax>
struct Extreme {
  using Total = std::conditional_t<std::is_class_v<T>, float, T>;
  static Total start() {
    if constexpr (std::is_floating_point_v<Total>) {
      constexpr Total infinity = std::numeric_limits<Total>::infinity();
      return kMax ? -infinity : infinity;
    } else {
      return kMax ? std::numeric_limits<Total>::lowest() : std::numeric_limits<Total>::max();
    }
  }
  static Total combine(Total a, Total b) {
    const bool wins = kMax ? b > a : b < a;
    return wins || b != b ? b : a;
  }
  static Total run(const T* x, std::int64_t count) {
    Total best = start();
    if constexpr (kThroughF32<T>) {
      float buffer[std::is_same_v<T, float> ? 1 : 4096];
      constexpr std::int64_t step = std::is_same_v<T, float> ? kRun : 4096;
      for (std::int64_t i = 0; i < count; i += step) {
        const std::int64_t n = std::min(step, count - i);
        const float* values = as_f32(x + i, n, buffer);
        best = combine(best, kMax ? max_run(values, n) : min_run(values, n));
      }
    } else {
      for (std::int64_t i = 0; i < count; ++i) best = combine(best, x[i]);
    }
    return best;
  }
  static void rows(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                   Total* best, float*, float* buffer) {
    if constexpr (std::is_same_v<T, float>) {
      (kMax ? max_rows : min_rows)(x, rows, stride, columns, best);
    } else if constexpr (std::is_class_v<T>) {
      for (std::int64_t r = 0; r < rows; ++r)
        (kMax ? max_rows : min_rows)(as_f32(x + r * stride, columns, buffer), 1, 0, columns, best);
    } else {
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns; ++c) best[c] = combine(best[c], x[r * stride + c]);
    }
  }
};

template <class Total, class T>
Total widened(T value) {
  if constexpr (std::is_class_v<T>) {
    return static_cast<Total>(static_cast<float>(value));
  } else {
    return static_cast<Total>(value);
  }
}

// Products: f64 lanes for all floating types, i64 that wraps for the others.
template <class T>
struct Product {
  using Total =
      std::conditional_t<std::is_floating_point_v<T> || std::is_class_v<T>, double, std::int64_t>;
  static Total start() { return 1; }
  static Total combine(Total a, Total b) {
    if constexpr (std::is_floating_point_v<Total>) {
      return a * b;
    } else {
      return static_cast<Total>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    }
  }
  static Total run(const T* x, std::int64_t count) {
    Total lanes[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    std::int64_t i = 0;
    for (; i + 8 <= count; i += 8)
      for (int k = 0; k < 8; ++k) lanes[k] = combine(lanes[k], widened<Total>(x[i + k]));
    for (; i < count; ++i) lanes[0] = combine(lanes[0], widened<Total>(x[i]));
    for (int k = 1; k < 8; ++k) lanes[0] = combine(lanes[0], lanes[k]);
    return lanes[0];
  }
  static void rows(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                   Total* totals, float*, float*) {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c)
        totals[c] = combine(totals[c], widened<Total>(x[r * stride + c]));
  }
};

// Sums of |x| or x^2 in f64, where squares of f32 neither overflow nor vanish.
template <class T, bool kSquares>
struct SizeSum {
  using Total = double;
  static double start() { return 0; }
  static double combine(double a, double b) { return a + b; }
  static double size(T value) {
    const auto v = widened<double>(value);
    return kSquares ? v * v : std::fabs(v);
  }
  static double run(const T* x, std::int64_t count) {
    double lanes[8] = {};
    std::int64_t i = 0;
    for (; i + 8 <= count; i += 8)
      for (int k = 0; k < 8; ++k) lanes[k] += size(x[i + k]);
    for (; i < count; ++i) lanes[0] += size(x[i]);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  }
  static void rows(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                   double* totals, float*, float*) {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c) totals[c] += size(x[r * stride + c]);
  }
};

// Count, mean and squared distances from it. A part takes two passes, which find it in the cache;
// parts are joined by the formula of Chan, Golub and LeVeque (1979).
template <class T>
struct Moments {
  struct Total {
    double count = 0, mean = 0, squares = 0;
  };
  static Total start() { return {}; }
  static Total combine(const Total& a, const Total& b) {
    if (a.count == 0) return b;
    if (b.count == 0) return a;
    const double count = a.count + b.count, d = b.mean - a.mean, share = b.count / count;
    return {count, a.mean + d * share, a.squares + b.squares + d * d * a.count * share};
  }
  static Total run(const T* x, std::int64_t count) {
    const auto n = static_cast<double>(count);
    // Summed in f64: sum_run's f32 lanes would leave a distance from the mean in every square.
    const auto sum = [&](const auto& f) {
      double lanes[8] = {};
      std::int64_t i = 0;
      for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; ++k) lanes[k] += f(widened<double>(x[i + k]));
      for (; i < count; ++i) lanes[0] += f(widened<double>(x[i]));
      return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
             ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    };
    const double mean = sum([](double v) { return v; }) / n;
    const double squares = sum([mean](double v) { return (v - mean) * (v - mean); });
    return {n, mean, squares};
  }
  static void rows(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                   Total* totals, float*, float*) {
    constexpr std::int64_t kColumns = 64;
    const auto n = static_cast<double>(rows);
    for (std::int64_t first = 0; first < columns; first += kColumns) {
      const std::int64_t width = std::min(kColumns, columns - first);
      double means[kColumns] = {}, squares[kColumns] = {};
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < width; ++c)
          means[c] += widened<double>(x[r * stride + first + c]);
      for (std::int64_t c = 0; c < width; ++c) means[c] /= n;
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < width; ++c) {
          const double d = widened<double>(x[r * stride + first + c]) - means[c];
          squares[c] += d * d;
        }
      for (std::int64_t c = 0; c < width; ++c)
        totals[first + c] = combine(totals[first + c], {n, means[c], squares[c]});
    }
  }
};

// The densest axis is reduced: every output is a sum of runs.
template <class T, class Op, class Finish>
void reduce_runs(const Plan& plan, const T* x, const Finish& finish) {
  using Total = typename Op::Total;
  const Axis inner = plan.reduced.back();
  const std::int64_t runs = plan.per_output / inner.size;
  const std::size_t outer = plan.reduced.size() - 1;
  // A chunk is a part of a long run, or several short ones.
  const std::int64_t parts = (inner.size + kRun - 1) / kRun;
  const std::int64_t together = std::max<std::int64_t>(1, kRun / inner.size);
  const std::int64_t chunks = parts > 1 ? runs * parts : (runs + together - 1) / together;
  const auto chunk_total = [&](const T* base, std::int64_t chunk) {
    if (parts > 1) {
      const std::int64_t begin = chunk % parts * kRun;
      return Op::run(base + place_of(plan.reduced, outer, chunk / parts).in + begin,
                     std::min(kRun, inner.size - begin));
    }
    Total total = Op::start();
    const std::int64_t end = std::min(runs, (chunk + 1) * together);
    for (std::int64_t r = chunk * together; r < end; ++r)
      total = Op::combine(total, Op::run(base + place_of(plan.reduced, outer, r).in, inner.size));
    return total;
  };
  if (chunks == 1) {
    const std::int64_t grain = std::max<std::int64_t>(1, kRun / plan.per_output);
    parallel_for(plan.outputs, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const Place p = place_of(plan.kept, plan.kept.size(), i);
        finish(p.out, chunk_total(x + p.in, 0));
      }
    });
    return;
  }
  std::vector<Total> partial(static_cast<std::size_t>(plan.outputs * chunks));
  parallel_for(plan.outputs * chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      partial[static_cast<std::size_t>(i)] =
          chunk_total(x + place_of(plan.kept, plan.kept.size(), i / chunks).in, i % chunks);
  });
  for (std::int64_t i = 0; i < plan.outputs; ++i) {
    Total total = partial[static_cast<std::size_t>(i * chunks)];
    for (std::int64_t c = 1; c < chunks; ++c)
      total = Op::combine(total, partial[static_cast<std::size_t>(i * chunks + c)]);
    finish(place_of(plan.kept, plan.kept.size(), i).out, total);
  }
}

// The densest axis is kept: rows are added to a row of totals, a panel of columns at a time.
template <class T, class Op, class Finish>
void reduce_columns(const Plan& plan, const T* x, const Finish& finish) {
  using Total = typename Op::Total;
  constexpr std::int64_t kPanel = 512;
  const Axis inner = plan.kept.back(), row = plan.reduced.back();
  const std::size_t outer_kept = plan.kept.size() - 1, outer_reduced = plan.reduced.size() - 1;
  const std::int64_t outer = plan.outputs / inner.size;
  const std::int64_t panels = (inner.size + kPanel - 1) / kPanel;
  const std::int64_t width = std::min(inner.size, kPanel);
  const std::int64_t height = (std::max<std::int64_t>(1, kRun / width) + kRows - 1) / kRows * kRows;
  const std::int64_t chunks = (plan.per_output + height - 1) / height;
  const auto add_chunk = [&](std::int64_t unit, std::int64_t chunk, Total* totals) {
    alignas(64) float scratch[kPanel];
    alignas(64) float buffer[std::is_class_v<T> ? kPanel : 1];
    const std::int64_t first = unit % panels * kPanel;
    const std::int64_t columns = std::min(kPanel, inner.size - first);
    const T* base = x + place_of(plan.kept, outer_kept, unit / panels).in + first;
    std::fill_n(totals, columns, Op::start());
    const std::int64_t end = std::min(plan.per_output, (chunk + 1) * height);
    for (std::int64_t r = chunk * height; r < end;) {
      const std::int64_t at = r % row.size;
      const std::int64_t count = std::min(row.size - at, end - r);
      Op::rows(base + place_of(plan.reduced, outer_reduced, r / row.size).in + at * row.in, count,
               row.in, columns, totals, scratch, buffer);
      r += count;
    }
  };
  const auto finish_panel = [&](std::int64_t unit, const Total* totals) {
    const std::int64_t first = unit % panels * kPanel;
    const std::int64_t columns = std::min(kPanel, inner.size - first);
    const std::int64_t out = place_of(plan.kept, outer_kept, unit / panels).out + first * inner.out;
    for (std::int64_t c = 0; c < columns; ++c) finish(out + c * inner.out, totals[c]);
  };
  const std::int64_t units = outer * panels;
  if (chunks == 1) {
    const std::int64_t grain = std::max<std::int64_t>(1, kRun / (width * plan.per_output));
    parallel_for(units, grain, [&](std::int64_t begin, std::int64_t end) {
      Total totals[kPanel];
      for (std::int64_t unit = begin; unit < end; ++unit) {
        add_chunk(unit, 0, totals);
        finish_panel(unit, totals);
      }
    });
    return;
  }
  std::vector<Total> partial(static_cast<std::size_t>(units * chunks * width));
  parallel_for(units * chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      add_chunk(i / chunks, i % chunks, partial.data() + i * width);
  });
  parallel_for(units, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      Total* totals = partial.data() + unit * chunks * width;
      const std::int64_t columns = std::min(kPanel, inner.size - unit % panels * kPanel);
      for (std::int64_t chunk = 1; chunk < chunks; ++chunk)
        for (std::int64_t c = 0; c < columns; ++c)
          totals[c] = Op::combine(totals[c], totals[chunk * width + c]);
      finish_panel(unit, totals);
    }
  });
}

template <class T, class Op, class Finish>
void reduce(const Tensor& input, const Dims& axes, const Finish& finish) {
  const Tensor x = has_runs(input) ? input : as_contiguous(input);
  const Plan plan = make_plan(x, axes);
  if (plan.outputs == 0) return;
  if (plan.per_output == 0) {
    for (std::int64_t i = 0; i < plan.outputs; ++i) finish(i, Op::start());
  } else if (plan.columns) {
    reduce_columns<T, Op>(plan, static_cast<const T*>(x.raw()), finish);
  } else {
    reduce_runs<T, Op>(plan, static_cast<const T*>(x.raw()), finish);
  }
}

// Bool is read as bytes 0 and 1.
template <class T>
using Element = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

template <class Out, class Value>
Out rounded(Value value) {
  if constexpr (std::is_class_v<Out>) {
    return Out(static_cast<float>(value));
  } else if constexpr (std::is_same_v<Out, bool>) {
    return value != 0;
  } else {
    return static_cast<Out>(value);
  }
}

void sum(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using Out =
        std::conditional_t<std::is_floating_point_v<T> || std::is_class_v<T>, T, std::int64_t>;
    Out* y = call.outputs[0].data<Out>();
    reduce<Element<T>, Sum<Element<T>>>(
        x, call.attrs.dims("axes"),
        [y](std::int64_t i, auto total) { y[i] = rounded<Out>(total); });
  });
}

void mean(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  const std::int64_t outputs = call.outputs[0].count();
  if (outputs == 0) return;
  const auto count = static_cast<double>(x.count() / outputs);
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using Out = std::conditional_t<std::is_floating_point_v<T> || std::is_class_v<T>, T, float>;
    Out* y = call.outputs[0].data<Out>();
    reduce<Element<T>, Sum<Element<T>>>(x, call.attrs.dims("axes"),
                                        [y, count](std::int64_t i, auto total) {
                                          y[i] = rounded<Out>(static_cast<double>(total) / count);
                                        });
  });
}

void prod(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using Out =
        std::conditional_t<std::is_floating_point_v<T> || std::is_class_v<T>, T, std::int64_t>;
    Out* y = call.outputs[0].data<Out>();
    reduce<Element<T>, Product<Element<T>>>(
        x, call.attrs.dims("axes"),
        [y](std::int64_t i, auto total) { y[i] = rounded<Out>(total); });
  });
}

template <bool kRoot>
void variance(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  const double correction = call.attrs.real("correction");
  visit_floating(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = call.outputs[0].data<T>();
    reduce<T, Moments<T>>(
        x, call.attrs.dims("axes"), [y, correction](std::int64_t i, const auto& total) {
          const double v = total.squares / std::max(total.count - correction, 0.0);
          y[i] = rounded<T>(kRoot ? std::sqrt(v) : v);
        });
  });
}

// p of 1 and 2; others as the record says.
void norm(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  const Dims& axes = call.attrs.dims("axes");
  const double p = call.attrs.real("p");
  if (p != 1 && p != 2) {
    copy_into(call.op.lower(call.inputs, call.attrs)[0], call.outputs[0]);
    return;
  }
  visit_floating(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = call.outputs[0].data<T>();
    if (p == 1) {
      reduce<T, SizeSum<T, false>>(x, axes,
                                   [y](std::int64_t i, double total) { y[i] = rounded<T>(total); });
    } else {
      reduce<T, SizeSum<T, true>>(
          x, axes, [y](std::int64_t i, double total) { y[i] = rounded<T>(std::sqrt(total)); });
    }
  });
}

template <bool kMax>
void extreme(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = call.outputs[0].data<T>();
    reduce<Element<T>, Extreme<Element<T>, kMax>>(
        x, call.attrs.dims("axes"), [y](std::int64_t i, auto best) { y[i] = rounded<T>(best); });
  });
}

}  // namespace

void register_reductions(KernelTable& table) {
  table.set("sum", Device::cpu, sum);
  table.set("mean", Device::cpu, mean);
  table.set("prod", Device::cpu, prod);
  table.set("var", Device::cpu, variance<false>);
  table.set("std", Device::cpu, variance<true>);
  // In f64 squares may overflow: the lowering divides by the largest first.
  table.set("norm", Device::cpu, norm, kHalves | dtype_bit(DType::f32));
  table.set("amax", Device::cpu, extreme<true>);
  table.set("amin", Device::cpu, extreme<false>);
}

}  // namespace athanor::backends::cpu
