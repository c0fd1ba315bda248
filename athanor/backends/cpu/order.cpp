#include <algorithm>
#include <vector>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/lines.hpp"

namespace athanor::backends::cpu {

namespace {

template <class T>
bool is_nan(T value) {
  return value != value;
}

// a before b in the order of argmax (kMax) or argmin: NaN first.
template <bool kMax, class T>
bool before(T a, T b) {
  return (kMax ? a > b : a < b) || (is_nan(a) && !is_nan(b));
}

template <bool kMax, class T>
std::int64_t first_best(const T* x, std::int64_t n, std::int64_t stride) {
  if constexpr (std::is_same_v<T, float>) {
    if (stride == 1 && n >= 64) {
      // One pass for the value, one for its place.
      const float best = kMax ? max_run(x, n) : min_run(x, n);
      for (std::int64_t i = 0; i < n; ++i)
        if (x[i] == best || (is_nan(best) && is_nan(x[i]))) return i;
    }
  }
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < n; ++i)
    if (before<kMax>(x[i * stride], x[best * stride])) best = i;
  return best;
}

// Lines whose elements lie far apart are taken together with their neighbours in memory.
template <bool kMax, class T>
void best_of_columns(const T* x, const std::int64_t* offsets, std::int64_t count, std::int64_t n,
                     std::int64_t stride, std::int64_t* out) {
  T best[detail::kLinesAtOnce];
  for (std::int64_t j = 0; j < count; ++j) best[j] = x[offsets[j]], out[j] = 0;
  for (std::int64_t i = 1; i < n; ++i)
    for (std::int64_t j = 0; j < count; ++j) {
      const T value = x[offsets[j] + i * stride];
      if (before<kMax>(value, best[j])) best[j] = value, out[j] = i;
    }
}

template <bool kMax>
void arg_best(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  const Lines lines(x, call.attrs.integer("axis"));
  std::int64_t* out = call.outputs[0].data<std::int64_t>();
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* base = static_cast<const T*>(x.raw());
    constexpr std::int64_t step = detail::kLinesAtOnce;
    std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / lines.length);
    grain = (grain + step - 1) / step * step;
    parallel_for(lines.count, grain, [&](std::int64_t begin, std::int64_t end) {
      if (lines.stride == 1) {
        for (std::int64_t i = begin; i < end; ++i)
          out[i] = first_best<kMax>(base + lines.offset(i), lines.length, 1);
        return;
      }
      for (std::int64_t i = begin; i < end; i += step) {
        const std::int64_t count = std::min(step, end - i);
        std::int64_t offsets[step];
        for (std::int64_t j = 0; j < count; ++j) offsets[j] = lines.offset(i + j);
        best_of_columns<kMax>(base, offsets, count, lines.length, lines.stride, out + i);
      }
    });
  });
}

void topk(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  const std::int64_t axis = call.attrs.integer("axis"), k = call.attrs.integer("k");
  const Lines lines(x, axis), values(call.outputs[0], axis), indices(call.outputs[1], axis);
  if (k == 0) return;
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* base = static_cast<const T*>(x.raw());
    T* best = static_cast<T*>(call.outputs[0].raw());
    std::int64_t* places = call.outputs[1].data<std::int64_t>();
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 12) / lines.length);
    parallel_for(lines.count, grain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<std::int64_t> order(static_cast<std::size_t>(lines.length));
      for (std::int64_t i = begin; i < end; ++i) {
        const T* line = base + lines.offset(i);
        const auto ahead = [&](std::int64_t a, std::int64_t b) {
          const T u = line[a * lines.stride], v = line[b * lines.stride];
          if (before<true>(u, v)) return true;
          return !before<true>(v, u) && a < b;
        };
        for (std::size_t j = 0; j < order.size(); ++j) order[j] = static_cast<std::int64_t>(j);
        std::partial_sort(order.begin(), order.begin() + k, order.end(), ahead);
        const std::int64_t value_at = values.offset(i), index_at = indices.offset(i);
        for (std::int64_t j = 0; j < k; ++j) {
          const std::int64_t from = order[static_cast<std::size_t>(j)];
          best[value_at + j * values.stride] = line[from * lines.stride];
          places[index_at + j * indices.stride] = from;
        }
      }
    });
  });
}

template <class T>
struct Entry {
  T value;
  std::int64_t from;
};

// In ascending order NaN is last, in descending order first.
template <class T>
struct Ahead {
  bool descending;
  bool operator()(const Entry<T>& a, const Entry<T>& b) const {
    return descending ? before<true>(a.value, b.value) : before<true>(b.value, a.value);
  }
};

// Parts of fixed length are sorted and then merged by pairs, on all threads. The stable order is
// only one, so the parts do not show in it.
constexpr std::int64_t kPart = 1 << 15;
template <class T>
void sort_long(std::vector<Entry<T>>& line, const Ahead<T>& ahead) {
  const auto n = static_cast<std::int64_t>(line.size());
  parallel_for(n, kPart, [&](std::int64_t begin, std::int64_t end) {
    std::stable_sort(line.begin() + begin, line.begin() + end, ahead);
  });
  std::vector<Entry<T>> other(line.size());
  for (std::int64_t width = kPart; width < n; width *= 2) {
    parallel_for(n, 2 * width, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t middle = std::min(begin + width, end);
      std::merge(line.begin() + begin, line.begin() + middle, line.begin() + middle,
                 line.begin() + end, other.begin() + begin, ahead);
    });
    line.swap(other);
  }
}

void sort(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  const std::int64_t axis = call.attrs.integer("axis");
  const Lines in(x, axis), values(call.outputs[0], axis), indices(call.outputs[1], axis);
  if (x.count() == 0) return;
  visit_dtype(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* base = static_cast<const T*>(x.raw());
    T* sorted = static_cast<T*>(call.outputs[0].raw());
    std::int64_t* places = call.outputs[1].data<std::int64_t>();
    const Ahead<T> ahead{call.attrs.flag("descending")};
    const auto lines = [&](std::int64_t begin, std::int64_t end) {
      std::vector<Entry<T>> line(static_cast<std::size_t>(in.length));
      for (std::int64_t i = begin; i < end; ++i) {
        const T* from = base + in.offset(i);
        for (std::int64_t k = 0; k < in.length; ++k)
          line[static_cast<std::size_t>(k)] = {from[k * in.stride], k};
        if (in.length > kPart) {
          sort_long(line, ahead);
        } else {
          std::stable_sort(line.begin(), line.end(), ahead);
        }
        T* value = sorted + values.offset(i);
        std::int64_t* place = places + indices.offset(i);
        for (std::int64_t k = 0; k < in.length; ++k) {
          value[k * values.stride] = line[static_cast<std::size_t>(k)].value;
          place[k * indices.stride] = line[static_cast<std::size_t>(k)].from;
        }
      }
    };
    if (in.length > kPart) return lines(0, in.count);
    parallel_for(in.count, std::max<std::int64_t>(1, (1 << 12) / in.length), lines);
  });
}

}  // namespace

void register_order(KernelTable& table) {
  table.set("argmax", Device::cpu, arg_best<true>);
  table.set("argmin", Device::cpu, arg_best<false>);
  table.set("sort", Device::cpu, sort, kNumbers);
  table.set("topk", Device::cpu, topk, kNumbers);
}

}  // namespace athanor::backends::cpu
