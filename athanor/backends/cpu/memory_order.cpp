#include "athanor/backends/cpu/memory_order.hpp"

#include <cstring>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/loop_plan.hpp"
#include "athanor/backends/cpu/pointwise.hpp"
#include "athanor/backends/cpu/tiles.hpp"
#include "athanor/base/parallel.hpp"

namespace athanor::backends::cpu {

namespace {

constexpr std::size_t kNone = ~std::size_t{0};

void copy_block(const Tensor& from, const Tensor& to) {
  const ConvertFn convert = convert_function(from.dtype(), to.dtype());
  const auto* source = static_cast<const char*>(from.raw());
  auto* target = static_cast<char*>(to.raw());
  const std::size_t from_size = size_of(from.dtype()), to_size = size_of(to.dtype());
  parallel_for(from.count(), kParallelGrain, [&](std::int64_t begin, std::int64_t end) {
    const auto b = static_cast<std::size_t>(begin);
    convert(source + b * from_size, target + b * to_size, static_cast<std::size_t>(end - begin));
  });
}

// Where the source runs along one axis and the target along another: squares of kSide elements,
// so that both sides use whole cache lines.
constexpr std::int64_t kSide = 16;

template <class T>
void transpose_square(const T* from, std::int64_t from_row, T* to, std::int64_t to_row,
                      std::int64_t rows, std::int64_t columns) {
  // from is [columns][rows] with rows innermost, to is [rows][columns] with columns innermost.
  if (rows == kSide && columns == kSide) {
    T square[kSide][kSide];
    for (std::int64_t c = 0; c < kSide; ++c)
      for (std::int64_t r = 0; r < kSide; ++r) square[r][c] = from[c * from_row + r];
    for (std::int64_t r = 0; r < kSide; ++r)
      std::memcpy(to + r * to_row, square[r], sizeof square[r]);
    return;
  }
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) to[r * to_row + c] = from[c * from_row + r];
}

struct Walk {
  Dims shape;
  Strides from, to;
};

template <class T>
void transpose(const Walk& w, std::size_t axis, const T* from, T* to) {
  // The other axes; `axis` is the source's innermost, the last one is the target's.
  Walk outer;
  std::int64_t outer_count = 1;
  for (std::size_t d = 0; d + 1 < w.shape.size(); ++d) {
    if (d == axis) continue;
    outer.shape.push_back(w.shape[d]);
    outer.from.push_back(w.from[d]);
    outer.to.push_back(w.to[d]);
    outer_count *= w.shape[d];
  }
  const std::int64_t rows = w.shape[axis], columns = w.shape.back();
  const std::int64_t to_row = w.to[axis], from_row = w.from.back();
  const std::int64_t bands = (rows + kSide - 1) / kSide;
  const std::int64_t grain = std::max<std::int64_t>(1, kParallelGrain / (kSide * columns));
  parallel_for(outer_count * bands, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t r = task % bands * kSide;
      const T* source = from + offset_at(outer.shape, outer.from, task / bands) + r;
      T* target = to + offset_at(outer.shape, outer.to, task / bands) + r * to_row;
      for (std::int64_t c = 0; c < columns; c += kSide)
        transpose_square(source + c * from_row, from_row, target + c, to_row,
                         std::min(kSide, rows - r), std::min(kSide, columns - c));
    }
  });
}

template <class T>
void copy_rows(const Walk& w, const T* from, T* to) {
  const std::int64_t inner = w.shape.back(), from_step = w.from.back(), to_step = w.to.back();
  Walk outer = w;
  outer.shape.pop_back(), outer.from.pop_back(), outer.to.pop_back();
  std::int64_t rows = 1;
  for (std::int64_t d : outer.shape) rows *= d;
  if (rows == 1) {  // one long row with steps
    parallel_for(inner, kParallelGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) to[i * to_step] = from[i * from_step];
    });
    return;
  }
  const std::int64_t grain = std::max<std::int64_t>(1, kParallelGrain / inner);
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* a = from + offset_at(outer.shape, outer.from, row);
      T* y = to + offset_at(outer.shape, outer.to, row);
      if (from_step == 1 && to_step == 1) {
        std::memcpy(y, a, static_cast<std::size_t>(inner) * sizeof(T));
      } else if (from_step == 0 && to_step == 1) {
        std::fill_n(y, inner, *a);
      } else {
        for (std::int64_t i = 0; i < inner; ++i) y[i * to_step] = a[i * from_step];
      }
    }
  });
}

template <class T>
void copy_strided(const Walk& w, const void* from, void* to) {
  std::size_t axis = kNone;
  if (w.from.back() != 1 && w.to.back() == 1)
    for (std::size_t d = 0; d + 1 < w.shape.size(); ++d)
      if (w.from[d] == 1) axis = d;
  if (axis != kNone) {
    transpose(w, axis, static_cast<const T*>(from), static_cast<T*>(to));
  } else {
    copy_rows(w, static_cast<const T*>(from), static_cast<T*>(to));
  }
}

bool channels_last_order(const Tensor& t) {
  const Strides expected = channels_last_strides(t.shape());
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (t.shape()[i] != 1 && t.strides()[i] != expected[i]) return t.count() == 0;
  return true;
}

void cast_kernel(const KernelCall& call) {
  call.outputs[0] = as_dtype(call.inputs[0], call.attrs.dtype("dtype"));
}
void contiguous_kernel(const KernelCall& call) { call.outputs[0] = as_contiguous(call.inputs[0]); }
void channels_last_kernel(const KernelCall& call) {
  call.outputs[0] = as_channels_last(call.inputs[0]);
}

}  // namespace

void copy_into(const Tensor& from, const Tensor& to) {
  ATH_ASSERT(from.shape() == to.shape());
  if (to.count() == 0) return;
  if (from.is_contiguous() && to.is_contiguous()) return copy_block(from, to);
  const LoopPlan plan = make_plan(to, {&from, 1});
  if (plan.output_dense && plan.is_dense(0)) return copy_block(from, to);
  if (from.dtype() != to.dtype()) {
    if (plan.output_dense) {  // first into the target's order, then one block
      const Tensor ordered = Tensor::empty_strided(to.shape(), to.strides(), from.dtype());
      copy_into(from, ordered);
      copy_block(ordered, to);
    } else {
      const Tensor converted = Tensor::empty(to.shape(), to.dtype());
      copy_into(from, converted);
      copy_into(converted, to);
    }
    return;
  }
  const Walk walk{plan.shape, plan.strides[0], plan.output};
  switch (size_of(to.dtype())) {
    case 1: return copy_strided<std::uint8_t>(walk, from.raw(), to.raw());
    case 2: return copy_strided<std::uint16_t>(walk, from.raw(), to.raw());
    case 4: return copy_strided<std::uint32_t>(walk, from.raw(), to.raw());
    default: return copy_strided<std::uint64_t>(walk, from.raw(), to.raw());
  }
}

Tensor as_contiguous(const Tensor& t) {
  if (t.is_contiguous()) return t;
  const Tensor out = Tensor::empty(t.shape(), t.dtype());
  copy_into(t, out);
  return out;
}

Tensor as_channels_last(const Tensor& t) {
  if (channels_last_order(t)) return t;
  const Tensor out = Tensor::empty_strided(t.shape(), channels_last_strides(t.shape()), t.dtype());
  copy_into(t, out);
  return out;
}

Tensor as_dtype(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  const Tensor out = !t.is_contiguous() && t.is_dense()
                         ? Tensor::empty_strided(t.shape(), t.strides(), dtype)
                         : Tensor::empty(t.shape(), dtype);
  copy_into(t, out);
  return out;
}

void register_copy(KernelTable& t) {
  t.set("cast", Device::cpu, cast_kernel);
  t.set("contiguous", Device::cpu, contiguous_kernel);
  t.set("channels_last", Device::cpu, channels_last_kernel);
}

}  // namespace athanor::backends::cpu
