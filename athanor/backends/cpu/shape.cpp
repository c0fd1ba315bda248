#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/ops/core/padding.hpp"

namespace athanor::backends::cpu {

namespace {

// The part of `whole` that begins at `start` and has the given shape.
Tensor part(const Tensor& whole, const Shape& shape, const Dims& start) {
  std::int64_t offset = whole.offset();
  for (std::size_t i = 0; i < shape.size(); ++i) offset += start[i] * whole.strides()[i];
  return whole.view_as(shape, whole.strides(), offset);
}

void pad(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  const Tensor& y = call.outputs[0];
  const ops::PadMode mode = ops::pad_mode(call.attrs.text("mode"));
  if (y.count() == 0) return;
  if (mode == ops::PadMode::constant && y.count() != x.count()) {
    const Tensor value = Tensor::scalar(call.attrs.real("value"), x.dtype());
    copy_into(value.view_as(y.shape(), Strides(y.shape().size(), 0), 0), y);
  }
  if (x.count() == 0) return;
  const Dims& before = call.attrs.dims("before");
  copy_into(x, part(y, x.shape(), before));
  if (mode == ops::PadMode::constant) return;
  // The frame, axis by axis, is slices of what is there: whole along the axes that are done.
  Shape slab = x.shape();
  Dims start = before;
  for (std::size_t i = 0; i < slab.size(); ++i) {
    const std::int64_t size = x.shape()[i], first = before[i];
    slab[i] = 1;
    for (std::int64_t k = 0; k < y.shape()[i]; ++k) {
      if (k >= first && k < first + size) continue;
      Dims from = start;
      from[i] = first + ops::padded_place(mode, k - first, size);
      start[i] = k;
      copy_into(part(y, slab, from), part(y, slab, start));
    }
    slab[i] = y.shape()[i];
    start[i] = 0;
  }
}

void flip(const KernelCall& call) {
  const Tensor& x = call.inputs[0];
  if (x.count() == 0) return;
  Strides strides = x.strides();
  std::int64_t offset = x.offset();
  for (std::int64_t axis : call.attrs.dims("axes")) {
    const auto i = static_cast<std::size_t>(axis < 0 ? axis + x.rank() : axis);
    offset += (x.shape()[i] - 1) * strides[i];
    strides[i] = -strides[i];
  }
  copy_into(x.view_as(x.shape(), strides, offset), call.outputs[0]);
}

void concat(const KernelCall& call) {
  const Tensor& y = call.outputs[0];
  const std::int64_t axis = call.attrs.integer("axis");
  const auto at = static_cast<std::size_t>(axis < 0 ? axis + y.rank() : axis);
  Dims start(y.shape().size(), 0);
  for (const Tensor& x : call.inputs) {
    if (x.count() != 0) copy_into(x, part(y, x.shape(), start));
    start[at] += x.shape()[at];
  }
}

}  // namespace

void register_shape(KernelTable& table) {
  table.set("pad", Device::cpu, pad);
  table.set("flip", Device::cpu, flip);
  table.set("concat", Device::cpu, concat);
}

}  // namespace athanor::backends::cpu
