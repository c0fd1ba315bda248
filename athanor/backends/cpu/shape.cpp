#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"

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
  if (y.count() == 0) return;
  if (y.count() != x.count()) {
    const Tensor value = Tensor::scalar(call.attrs.real("value"), x.dtype());
    copy_into(value.view_as(y.shape(), Strides(y.shape().size(), 0), 0), y);
  }
  if (x.count() == 0) return;
  copy_into(x, part(y, x.shape(), call.attrs.dims("before")));
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
