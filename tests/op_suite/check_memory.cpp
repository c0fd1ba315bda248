#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"
#include "suite.hpp"

namespace athanor::op_suite {

namespace {

enum class Order { transposed, sliced, channels_last, repeated };
constexpr std::pair<Order, const char*> kOrders[] = {{Order::transposed, "transposed"},
                                                     {Order::sliced, "sliced with an offset"},
                                                     {Order::channels_last, "channels last"},
                                                     {Order::repeated, "repeated with stride 0"}};

Strides reversed_strides(const Shape& shape) {
  Strides strides(shape.size(), 1);
  for (std::size_t i = 1; i < shape.size(); ++i)
    strides[i] = strides[i - 1] * std::max<std::int64_t>(shape[i - 1], 1);
  return strides;
}

// The same values in another order of memory; the tensor itself where the order makes no sense.
Tensor reordered(const Tensor& x, Order order) {
  if (!x.defined()) return x;
  const Shape& shape = x.shape();
  Tensor out;
  switch (order) {
    case Order::transposed:
      if (x.rank() < 2) return x;
      out = Tensor::empty_strided(shape, reversed_strides(shape), x.dtype());
      break;
    case Order::channels_last:
      if (x.rank() != 4) return x;
      out = Tensor::empty_strided(shape, channels_last_strides(shape), x.dtype());
      break;
    case Order::sliced: {
      if (x.rank() < 1) return x;
      Shape wide = shape;
      wide[wide.size() - 1] = 2 * wide.back() + 1;
      Strides strides = contiguous_strides(wide);
      strides[strides.size() - 1] = 2;
      out = Tensor::zeros(wide, x.dtype()).view_as(shape, strides, 1);
      break;
    }
    case Order::repeated: {
      // Of all rows the first one, as expand() makes it.
      if (x.rank() < 1 || x.count() == 0) return x;
      Strides strides = contiguous_strides(shape);
      strides[0] = 0;
      return copy_of(x).view_as(shape, strides, 0);
    }
  }
  out.copy_from(x);
  return out;
}

// What op.layout promises for the outputs of these inputs.
void check_layout(const Call& call, std::span<const Tensor> inputs, const TensorList& outputs,
                  Report& report) {
  if (call.op.view || call.op.layout == Layout::kernel) return;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& y = outputs[i];
    report.checked();
    if (call.op.layout == Layout::row_major) {
      if (!y.is_contiguous())
        report.fail(call.name(), "output {} is not row-major, its layout says so", i);
      continue;
    }
    if (y.rank() != 4 || y.count() == 0) continue;
    const Tensor* leader = nullptr;
    for (const Tensor& x : inputs)
      if (!leader && x.defined() && x.rank() == y.rank()) leader = &x;
    if (!leader || !leader->is_channels_last()) continue;
    const bool distinct = y.dim(1) > 1 && y.dim(2) * y.dim(3) > 1;
    if (distinct && !y.is_channels_last())
      report.fail(call.name(), "the input is channels last, output {} is not (strides {})", i,
                  to_string(y.strides()));
  }
}

}  // namespace

void check_memory_orders(const Call& call, Report& report) {
  const NoGrad no_grad;
  const TensorList plain = call.run();
  for (const auto& [order, name] : kOrders) {
    TensorList inputs;
    bool changed = false;
    for (const Tensor& t : call.sample.inputs) {
      inputs.push_back(reordered(t, order));
      changed = changed || (t.defined() && !inputs.back().same(t));
    }
    if (!changed) continue;
    TensorList expected = plain;
    if (order == Order::repeated) {
      TensorList copies;
      for (const Tensor& t : inputs) copies.push_back(copy_of(t));
      expected = call.run(copies);
    }
    const TensorList outputs = call.run(inputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      report.checked();
      const std::string d = difference(call, outputs[i], expected[i]);
      if (!d.empty()) report.fail(call.name(), "inputs {}, output {}: {}", name, i, d);
    }
    check_layout(call, inputs, outputs, report);
  }
}

}  // namespace athanor::op_suite
