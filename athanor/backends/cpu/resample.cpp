#include "athanor/ops/core/resample.hpp"

#include <algorithm>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/base/parallel.hpp"

namespace athanor::backends::cpu {

namespace {

using ops::ResampleTable;

constexpr std::int64_t kResampleGrain = 1 << 14;

// x: [planes, columns, width], y: [planes, rows, width]: a row of y is a sum of rows of x.
template <class T>
void resample_rows(const ResampleTable& t, std::int64_t planes, std::int64_t width, const T* x,
                   T* y) {
  const std::int64_t grain = std::max<std::int64_t>(1, kResampleGrain / width);
  parallel_for(planes * t.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* plane = x + i / t.rows * t.columns * width;
      T* out = y + i * width;
      const auto row = static_cast<std::size_t>(i % t.rows);
      std::fill_n(out, width, T{0});
      for (auto k = static_cast<std::size_t>(t.starts[row]);
           k < static_cast<std::size_t>(t.starts[row + 1]); ++k) {
        const T* from = plane + t.place[k] * width;
        const T weight = static_cast<T>(t.weight[k]);
        for (std::int64_t j = 0; j < width; ++j) out[j] += weight * from[j];
      }
    }
  });
}

// x: [lines, columns], y: [lines, rows].
template <class T>
void resample_lines(const ResampleTable& t, std::int64_t lines, const T* x, T* y) {
  const std::vector<T> weight(t.weight.begin(), t.weight.end());
  const std::int64_t grain = std::max<std::int64_t>(1, kResampleGrain / t.rows);
  parallel_for(lines, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const T* from = x + line * t.columns;
      T* out = y + line * t.rows;
      for (std::int64_t i = 0; i < t.rows; ++i) {
        T total{0};
        for (auto k = static_cast<std::size_t>(t.starts[static_cast<std::size_t>(i)]);
             k < static_cast<std::size_t>(t.starts[static_cast<std::size_t>(i) + 1]); ++k)
          total += weight[k] * from[t.place[k]];
        out[i] = total;
      }
    }
  });
}

// The axis that leaves less to do goes first.
template <class T>
void resample_plane(const std::vector<ResampleTable>& tables, const Tensor& x, const Tensor& y) {
  const std::int64_t planes = y.dim(0) * y.dim(1);
  const ResampleTable& across = tables.back();
  if (tables.size() == 1) return resample_lines(across, planes, x.data<T>(), y.data<T>());
  const ResampleTable& down = tables[0];
  if (down.rows * across.columns < down.columns * across.rows) {
    const Tensor half = Tensor::empty({planes, down.rows, across.columns}, y.dtype());
    resample_rows(down, planes, across.columns, x.data<T>(), half.data<T>());
    resample_lines(across, planes * down.rows, half.data<T>(), y.data<T>());
  } else {
    const Tensor half = Tensor::empty({planes, down.columns, across.rows}, y.dtype());
    resample_lines(across, planes * down.columns, x.data<T>(), half.data<T>());
    resample_rows(down, planes, across.rows, half.data<T>(), y.data<T>());
  }
}

void run_resample(const KernelCall& call, const std::vector<ResampleTable>& tables) {
  const Tensor& y = call.outputs[0];
  if (y.count() == 0) return;
  const DType work = y.dtype() == DType::f64 ? DType::f64 : DType::f32;
  const Tensor x = as_contiguous(as_dtype(call.inputs[0], work));
  const Tensor out = y.dtype() == work ? y : Tensor::empty(y.shape(), work);
  if (work == DType::f64)
    resample_plane<double>(tables, x, out);
  else
    resample_plane<float>(tables, x, out);
  if (!out.same(y)) copy_into(out, y);
}

Dims plane_of(const Tensor& t) { return Dims(t.shape().begin() + 2, t.shape().end()); }

void interpolate_kernel(const KernelCall& call) {
  run_resample(
      call, ops::resample_tables(plane_of(call.inputs[0]), plane_of(call.outputs[0]), call.attrs));
}

void interpolate_grad_kernel(const KernelCall& call) {
  auto tables =
      ops::resample_tables(plane_of(call.outputs[0]), plane_of(call.inputs[0]), call.attrs);
  for (ResampleTable& t : tables) t = t.transposed();
  run_resample(call, tables);
}

}  // namespace

void register_resample(KernelTable& t) {
  t.set("interpolate", Device::cpu, interpolate_kernel, kFloats);
  t.set("interpolate_grad", Device::cpu, interpolate_grad_kernel, kFloats);
}

}  // namespace athanor::backends::cpu
