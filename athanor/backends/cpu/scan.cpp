#include <vector>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/lines.hpp"
#include "athanor/backends/cpu/memory_order.hpp"

// Running sums, products and recurrences along the lines of a tensor, in f64 for every floating
// type. What is added to what depends on the shape alone.
namespace athanor::backends::cpu {

namespace {

struct Direction {
  bool exclusive, reverse;
  explicit Direction(const Attrs& attrs)
      : exclusive(attrs.flag("exclusive")), reverse(attrs.flag("reverse")) {}
};

struct Adding {
  static constexpr std::int64_t start = 0;
  template <class T>
  static T apply(T a, T b) {
    return a + b;
  }
};
struct Multiplying {
  static constexpr std::int64_t start = 1;
  template <class T>
  static T apply(T a, T b) {
    return a * b;
  }
};

// Element k of the walk along a line of n.
std::int64_t place(std::int64_t k, std::int64_t n, bool reverse) { return reverse ? n - 1 - k : k; }

// Long lines are cut into blocks of fixed length, whose totals are known before the second pass.
template <class T>
void long_sums(const Tensor& x, const Tensor& y, std::int64_t axis, Direction way) {
  const Lines in(x, axis), out(y, axis);
  const T* from = static_cast<const T*>(x.raw());
  T* to = static_cast<T*>(y.raw());
  const std::int64_t n = in.length, blocks = (n + kRun - 1) / kRun;
  std::vector<double> starts(static_cast<std::size_t>(in.count * blocks));
  const auto block = [&](std::int64_t unit, const auto& visit) {
    const std::int64_t line = unit / blocks, first = unit % blocks * kRun;
    const T* a = from + in.offset(line);
    for (std::int64_t k = first; k < std::min(n, first + kRun); ++k) {
      const std::int64_t at = place(k, n, way.reverse);
      visit(line, at, static_cast<double>(static_cast<Work<T>>(a[at * in.stride])));
    }
  };
  parallel_for(in.count * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      double total = 0;
      block(unit, [&](std::int64_t, std::int64_t, double value) { total += value; });
      starts[static_cast<std::size_t>(unit)] = total;
    }
  });
  for (std::int64_t line = 0; line < in.count; ++line) {
    double total = 0;
    for (std::int64_t b = 0; b < blocks; ++b) {
      double& start = starts[static_cast<std::size_t>(line * blocks + b)];
      const double own = start;
      start = total;
      total += own;
    }
  }
  parallel_for(in.count * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      double total = starts[static_cast<std::size_t>(unit)];
      block(unit, [&](std::int64_t line, std::int64_t at, double value) {
        const double before = total;
        total += value;
        to[out.offset(line) + at * out.stride] =
            T(static_cast<Work<T>>(way.exclusive ? before : total));
      });
    }
  });
}

template <class T, class Op>
void scan_floats(const Tensor& x, const Tensor& y, std::int64_t axis, Direction way) {
  for_lines<T, 1>({&x}, &y, axis,
                  [way](std::int64_t, const auto& line, Work<T>* out, std::int64_t n) {
                    double total = static_cast<double>(Op::start);
                    for (std::int64_t k = 0; k < n; ++k) {
                      const std::int64_t at = place(k, n, way.reverse);
                      const double before = total;
                      total = Op::apply(total, static_cast<double>(line[0][at]));
                      out[at] = static_cast<Work<T>>(way.exclusive ? before : total);
                    }
                  });
}

template <class Op>
void scan_integers(const Tensor& x, const Tensor& y, std::int64_t axis, Direction way) {
  const Lines in(x, axis), out(y, axis);
  if (in.length == 0) return;
  const auto* from = x.data<std::int64_t>();
  auto* to = y.data<std::int64_t>();
  const std::int64_t n = in.length, grain = std::max<std::int64_t>(1, (1 << 14) / n);
  parallel_for(in.count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t* a = from + in.offset(i);
      std::int64_t* b = to + out.offset(i);
      auto total = static_cast<std::uint64_t>(Op::start);  // wraps
      for (std::int64_t k = 0; k < n; ++k) {
        const std::int64_t at = place(k, n, way.reverse);
        const std::uint64_t before = total;
        total = Op::apply(total, static_cast<std::uint64_t>(a[at * in.stride]));
        b[at * out.stride] = static_cast<std::int64_t>(way.exclusive ? before : total);
      }
    }
  });
}

template <class Op>
void scan(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  const std::int64_t axis = call.attrs.integer("axis");
  const Direction way(call.attrs);
  if (x.count() == 0) return;
  if (!is_floating(x.dtype())) {
    scan_integers<Op>(as_dtype(x, DType::i64), y, axis, way);
    return;
  }
  visit_floating(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_same_v<Op, Adding>) {
      if (x.dim(axis) > 2 * kRun) return long_sums<T>(x, y, axis, way);
    }
    scan_floats<T, Op>(x, y, axis, way);
  });
}

void linear_scan(const KernelCall& call) {
  const Tensor &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
  if (y.count() == 0) return;
  const bool reverse = call.attrs.flag("reverse");
  visit_floating(y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for_lines<T, 2>({&a, &b}, &y, call.attrs.integer("axis"),
                    [reverse](std::int64_t, const auto& line, Work<T>* out, std::int64_t n) {
                      double last = 0;
                      for (std::int64_t k = 0; k < n; ++k) {
                        const std::int64_t at = place(k, n, reverse);
                        // Before the first element there is 0, whatever a[0] is.
                        last = k == 0 ? static_cast<double>(line[1][at])
                                      : static_cast<double>(line[0][at]) * last +
                                            static_cast<double>(line[1][at]);
                        out[at] = static_cast<Work<T>>(last);
                      }
                    });
  });
}

}  // namespace

void register_scan(KernelTable& table) {
  table.set("cumsum", Device::cpu, scan<Adding>);
  table.set("cumprod", Device::cpu, scan<Multiplying>);
  table.set("linear_scan", Device::cpu, linear_scan, kFloats);
}

}  // namespace athanor::backends::cpu
