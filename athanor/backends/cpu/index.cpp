#include <algorithm>
#include <cmath>
#include <cstring>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/ops/core/index.hpp"

namespace athanor::backends::cpu {

namespace {

std::size_t plain_axis(const KernelCall& call) {
  const std::int64_t axis = call.attrs.integer("axis");
  return static_cast<std::size_t>(axis < 0 ? axis + call.inputs[0].rank() : axis);
}

// Element types that differ only in size are copied by size.
template <class F>
void visit_size(DType dtype, const F& f) {
  switch (size_of(dtype)) {
    case 1: return f(std::uint8_t{});
    case 2: return f(std::uint16_t{});
    case 4: return f(std::uint32_t{});
    default: return f(std::uint64_t{});
  }
}

// A tensor that was cut along the axis: [outer, size, inner], row-major.
struct Cut {
  std::int64_t outer = 1, size = 1, inner = 1;
  Cut(const Shape& shape, std::size_t axis) : size(shape[axis]) {
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (i != axis) (i < axis ? outer : inner) *= shape[i];
  }
};

void gather(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  const Tensor& y = call.outputs[0];
  const std::size_t axis = plain_axis(call);
  const Tensor index = ops::checked_index(call.inputs[1], x.shape()[axis], "gather");
  if (y.count() == 0) return;
  const std::int64_t* places = index.data<std::int64_t>();
  const Shape& shape = y.shape();
  const std::int64_t width = shape.back(), axis_step = x.strides()[axis];
  const std::int64_t step = axis + 1 == shape.size() ? 0 : x.strides().back();
  visit_size(x.dtype(), [&](auto tag) {
    using W = decltype(tag);
    const W* from = static_cast<const W*>(x.raw());
    W* to = static_cast<W*>(y.raw());
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / width);
    parallel_for(y.count() / width, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        std::int64_t rest = row, base = 0;
        for (std::size_t i = shape.size() - 1; i-- > 0;) {
          if (i != axis) base += rest % shape[i] * x.strides()[i];
          rest /= shape[i];
        }
        const std::int64_t* place = places + row * width;
        W* out = to + row * width;
        for (std::int64_t j = 0; j < width; ++j)
          out[j] = from[base + j * step + place[j] * axis_step];
      }
    });
  });
}

// a += b, in the dtype's own arithmetic; integers wrap.
template <class T>
void add_to(T& a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    a = static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  } else {
    a += b;
  }
}

// Sums of halves are kept in f32 and rounded once.
template <class F>
void with_sums(const Tensor& x, const Tensor& source, const Tensor& y, const F& add) {
  if (x.dtype() == DType::f16 || x.dtype() == DType::bf16) {
    const Tensor sums = Tensor::empty(x.shape(), DType::f32);
    const Tensor terms = Tensor::empty(source.shape(), DType::f32);
    copy_into(x, sums);
    copy_into(source, terms);
    add(terms, sums);
    copy_into(sums, y);
    return;
  }
  copy_into(x, y);
  add(as_contiguous(source), y);
}

template <class F>
void visit_sum(DType dtype, const F& f) {
  visit_dtype(dtype, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (!std::is_class_v<T> && !std::is_same_v<T, bool>) {
      f(tag);
    } else {
      ATH_ASSERT(dtype != DType::boolean);
    }
  });
}

// apply(y's element, source's element) in the order of source. Every thread owns a range of places
// across the axis and walks along the axis in order.
template <class T, class Apply>
void walk_places(const Tensor& index, const T* from, T* to, const Strides& strides,
                 std::size_t axis, const Apply& apply) {
  const Shape& shape = index.shape();
  const Cut cut(shape, axis);
  const std::int64_t* places = index.data<std::int64_t>();
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / cut.size);
  parallel_for(cut.outer * cut.inner, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end;) {
      // A range of inner places of one outer place.
      const std::int64_t outer = at / cut.inner, first = at % cut.inner;
      const std::int64_t count = std::min(cut.inner - first, end - at);
      SmallVector<std::int64_t, 64> bases;
      for (std::int64_t j = 0; j < count; ++j) {
        std::int64_t rest = first + j, base = 0;
        for (std::size_t i = shape.size(); i-- > axis + 1;) {
          base += rest % shape[i] * strides[i];
          rest /= shape[i];
        }
        rest = outer;
        for (std::size_t i = axis; i-- > 0;) {
          base += rest % shape[i] * strides[i];
          rest /= shape[i];
        }
        bases.push_back(base);
      }
      for (std::int64_t k = 0; k < cut.size; ++k) {
        const std::int64_t row = (outer * cut.size + k) * cut.inner + first;
        for (std::int64_t j = 0; j < count; ++j)
          apply(to[bases[static_cast<std::size_t>(j)] + places[row + j] * strides[axis]],
                from[row + j]);
      }
      at += count;
    }
  });
}

void scatter_add(const KernelCall& call) {
  const std::size_t axis = plain_axis(call);
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  const Tensor index = ops::checked_index(call.inputs[1], x.shape()[axis], "scatter_add");
  with_sums(x, call.inputs[2], y, [&](const Tensor& source, const Tensor& sums) {
    if (source.count() == 0) return;
    visit_sum(sums.dtype(), [&](auto tag) {
      using T = decltype(tag);
      walk_places(index, source.data<T>(), sums.data<T>(), sums.strides(), axis,
                  [](T& a, T b) { add_to(a, b); });
    });
  });
}

void scatter(const KernelCall& call) {
  const std::size_t axis = plain_axis(call);
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  const Tensor index = ops::checked_index(call.inputs[1], x.shape()[axis], "scatter");
  const Tensor source = as_contiguous(call.inputs[2]);
  copy_into(x, y);
  if (source.count() == 0) return;
  visit_size(y.dtype(), [&](auto tag) {
    using W = decltype(tag);
    walk_places(index, static_cast<const W*>(source.raw()), static_cast<W*>(y.raw()), y.strides(),
                axis, [](W& a, W b) { a = b; });
  });
}

void scatter_max(const KernelCall& call) {
  const std::size_t axis = plain_axis(call);
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  const Tensor index = ops::checked_index(call.inputs[1], x.shape()[axis], "scatter_max");
  const Tensor source = as_contiguous(call.inputs[2]);
  copy_into(x, y);
  if (source.count() == 0) return;
  visit_dtype(y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    walk_places(index, source.data<T>(), y.data<T>(), y.strides(), axis, [](T& a, T b) {
      if (a == a && (b > a || b != b)) a = b;  // NaN stays
    });
  });
}

void select(const KernelCall& call, std::size_t axis) {
  const Tensor x = as_contiguous(call.inputs[0]);
  const Tensor& y = call.outputs[0];
  const Tensor index = ops::checked_index(call.inputs[1], x.shape()[axis], call.op.name);
  if (y.count() == 0) return;
  const Cut cut(x.shape(), axis);
  const std::int64_t* places = index.data<std::int64_t>();
  const std::int64_t count = index.count();
  visit_size(x.dtype(), [&](auto tag) {
    using W = decltype(tag);
    const W* from = static_cast<const W*>(x.raw());
    W* to = static_cast<W*>(y.raw());
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / cut.inner);
    parallel_for(cut.outer * count, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        std::memcpy(to + i * cut.inner,
                    from + (i / count * cut.size + places[i % count]) * cut.inner,
                    static_cast<std::size_t>(cut.inner) * sizeof(W));
    });
  });
}

void index_select(const KernelCall& call) { select(call, plain_axis(call)); }
void embedding(const KernelCall& call) { select(call, 0); }

void index(const KernelCall& call) {
  const Tensor x = as_contiguous(call.inputs[0]);
  const Tensor& y = call.outputs[0];
  const Tensor joined = ops::joined_index(x.shape(), call.inputs.subspan(1), "index");
  if (y.count() == 0) return;
  const std::int64_t* places = joined.data<std::int64_t>();
  const std::int64_t width = y.count() / joined.count();
  visit_size(x.dtype(), [&](auto tag) {
    using W = decltype(tag);
    const W* from = static_cast<const W*>(x.raw());
    W* to = static_cast<W*>(y.raw());
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / width);
    parallel_for(joined.count(), grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        std::memcpy(to + i * width, from + places[i] * width,
                    static_cast<std::size_t>(width) * sizeof(W));
    });
  });
}

void index_add(const KernelCall& call) {
  const std::size_t axis = plain_axis(call);
  const Tensor &x = call.inputs[0], &y = call.outputs[0];
  const Tensor index = ops::checked_index(call.inputs[1], x.shape()[axis], "index_add");
  const std::int64_t* places = index.data<std::int64_t>();
  with_sums(x, call.inputs[2], y, [&](const Tensor& source, const Tensor& sums) {
    if (source.count() == 0) return;
    const Cut cut(x.shape(), axis);
    const std::int64_t count = index.count();
    visit_sum(sums.dtype(), [&](auto tag) {
      using T = decltype(tag);
      const T* from = source.data<T>();
      T* to = sums.data<T>();
      // Threads own columns; each walks over all of source's rows in order.
      const std::int64_t width = std::min<std::int64_t>(cut.inner, 256);
      const std::int64_t panels = (cut.inner + width - 1) / width;
      const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / (count * width));
      parallel_for(cut.outer * panels, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t unit = begin; unit < end; ++unit) {
          const std::int64_t outer = unit / panels, first = unit % panels * width;
          const std::int64_t columns = std::min(width, cut.inner - first);
          for (std::int64_t k = 0; k < count; ++k) {
            const T* a = from + (outer * count + k) * cut.inner + first;
            T* b = to + (outer * cut.size + places[k]) * cut.inner + first;
            for (std::int64_t c = 0; c < columns; ++c) add_to(b[c], a[c]);
          }
        }
      });
    });
  });
}

void one_hot(const KernelCall& call) {
  const Tensor& y = call.outputs[0];
  const std::int64_t classes = call.attrs.integer("classes");
  const Tensor index = ops::checked_index(call.inputs[0], classes, "one_hot");
  const std::int64_t* places = index.data<std::int64_t>();
  visit_dtype(y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* out = y.data<T>();
    const T one = [] {
      if constexpr (std::is_class_v<T>) {
        return T(1.0f);
      } else {
        return static_cast<T>(1);
      }
    }();
    std::fill_n(out, y.count(), T{});
    for (std::int64_t i = 0; i < index.count(); ++i) out[i * classes + places[i]] = one;
  });
}

}  // namespace

void register_index(KernelTable& table) {
  table.set("gather", Device::cpu, gather);
  table.set("scatter_add", Device::cpu, scatter_add, kNumbers);
  table.set("scatter", Device::cpu, scatter);
  table.set("scatter_max", Device::cpu, scatter_max, kNumbers);
  table.set("index", Device::cpu, index);
  table.set("index_select", Device::cpu, index_select);
  table.set("embedding", Device::cpu, embedding);
  table.set("index_add", Device::cpu, index_add, kNumbers);
  table.set("one_hot", Device::cpu, one_hot, kIntegers);
}

}  // namespace athanor::backends::cpu
