#include <cmath>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/lines.hpp"
#include "athanor/backends/cpu/memory_order.hpp"

namespace athanor::backends::cpu {

namespace {

void softmax(const KernelCall& call) {
  visit_floating(call.inputs[0].dtype(), [&](auto tag) {
    using T = decltype(tag);
    for_lines<T, 1>({&call.inputs[0]}, &call.outputs[0], call.attrs.integer("axis"),
                    [](std::int64_t, const auto& x, auto* y, std::int64_t n) {
                      const auto total = exp_sum(x[0], peak_run(x[0], n), y, n);
                      scale_run(y, 1 / total, y, n);
                    });
  });
}

void log_softmax(const KernelCall& call) {
  visit_floating(call.inputs[0].dtype(), [&](auto tag) {
    using T = decltype(tag);
    for_lines<T, 1>({&call.inputs[0]}, &call.outputs[0], call.attrs.integer("axis"),
                    [](std::int64_t, const auto& x, auto* y, std::int64_t n) {
                      const auto largest = peak_run(x[0], n);
                      shift_run(x[0], largest, std::log(exp_sum(x[0], largest, n)), y, n);
                    });
  });
}

void softmax_grad(const KernelCall& call) {
  visit_floating(call.inputs[0].dtype(), [&](auto tag) {
    using T = decltype(tag);
    for_lines<T, 2>({&call.inputs[0], &call.inputs[1]}, &call.outputs[0],
                    call.attrs.integer("axis"),
                    [](std::int64_t, const auto& in, auto* out, std::int64_t n) {
                      softmax_grad_run(in[0], in[1], dot_run(in[0], in[1], n), out, n);
                    });
  });
}

void log_softmax_grad(const KernelCall& call) {
  visit_floating(call.inputs[0].dtype(), [&](auto tag) {
    using T = decltype(tag);
    for_lines<T, 2>({&call.inputs[0], &call.inputs[1]}, &call.outputs[0],
                    call.attrs.integer("axis"),
                    [](std::int64_t, const auto& in, auto* out, std::int64_t n) {
                      using W = std::remove_pointer_t<decltype(out)>;
                      const W total = static_cast<W>(sum_run(in[0], n));
                      log_softmax_grad_run(in[0], in[1], total, out, n);
                    });
  });
}

// A reduction over any axes is one over the last axis of [kept..., reduced].
void logsumexp(const KernelCall& call) {
  Tensor x = call.inputs[0];
  const Tensor& y = call.outputs[0];
  const Dims& axes = call.attrs.dims("axes");
  std::uint64_t mask = axes.empty() ? ~std::uint64_t{0} : 0;
  for (std::int64_t axis : axes) mask |= std::uint64_t{1} << (axis < 0 ? axis + x.rank() : axis);
  Shape shape, reduced;
  Strides strides, reduced_strides;
  for (std::size_t i = 0; i < x.shape().size(); ++i) {
    const bool gone = (mask >> i) & 1u;
    (gone ? reduced : shape).push_back(x.shape()[i]);
    (gone ? reduced_strides : strides).push_back(x.strides()[i]);
  }
  const std::int64_t length = element_count(reduced);
  if (reduced.size() == 1) {
    shape.push_back(length);
    strides.push_back(reduced_strides[0]);
    x = x.view_as(shape, strides, x.offset());
  } else {
    Shape ordered = shape;
    ordered.append(reduced.begin(), reduced.end());
    strides.append(reduced_strides.begin(), reduced_strides.end());
    shape.push_back(length);
    x = as_contiguous(x.view_as(ordered, strides, x.offset()))
            .view_as(shape, contiguous_strides(shape), 0);
  }
  visit_floating(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* out = y.data<T>();
    for_lines<T, 1>(
        {&x}, nullptr, -1, [out](std::int64_t i, const auto& in, auto*, std::int64_t n) {
          using W = Work<T>;
          const W largest = peak_run(in[0], n);
          const W shift = std::isinf(largest) ? W(0) : largest;
          // A sum that overflows without the shift is infinite in any case.
          const W value =
              std::isinf(largest) ? largest : shift + std::log(exp_sum(in[0], shift, n));
          out[i] = T(value);
        });
  });
}

}  // namespace

void register_softmax(KernelTable& table) {
  table.set("softmax", Device::cpu, softmax, kFloats);
  table.set("log_softmax", Device::cpu, log_softmax, kFloats);
  table.set("softmax_grad", Device::cpu, softmax_grad, kFloats);
  table.set("log_softmax_grad", Device::cpu, log_softmax_grad, kFloats);
  table.set("logsumexp", Device::cpu, logsumexp, kFloats);
}

}  // namespace athanor::backends::cpu
