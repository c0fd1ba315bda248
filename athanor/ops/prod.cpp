#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/core/scan.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// The product of all other elements along an axis: right with any number of zeros.
Tensor product_of_others(const Tensor& x, std::int64_t axis) {
  return cumprod(x, axis, true, false) * cumprod(x, axis, true, true);
}

}  // namespace

ATH_OP(prod, "(x, axes: dims = [], keep: flag = false) -> y") {
  op.doc =
      "Product over the axes (none given: all), which vanish or stay with size 1 if `keep`. "
      "Integers and bool give i64 and wrap; the product of nothing is 1. The gradient is right "
      "with zeros in x.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_reduction("prod", in[0], a, scan_dtype(in[0].dtype));
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{reference_reduction(in[0], a, scan_dtype(in[0].dtype()), "prod",
                                          [](const std::vector<double>& values) {
                                            double total = 1;
                                            for (double v : values) total *= v;
                                            return total;
                                          })};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor& x = v.input(0);
    const Shape& shape = v.meta(0).shape;
    const Dims axes = normalize_axes(v.attrs().dims("axes"), x.rank(), "prod");
    const Tensor g = keep_axes(v.grad(), shape.size(), v.attrs(), "prod");
    if (axes.empty()) return g;
    if (!is_dynamic(shape) && element_count(shape) == 0)
      return Tensor::zeros(shape, v.meta(0).dtype);
    if (axes.size() == 1) return g * product_of_others(x, axes[0]);
    // The reduced axes become one, innermost.
    Dims order, back(shape.size(), 0), rows;
    for (std::int64_t i = 0; i < x.rank(); ++i)
      if (!contains_axis(axes, i)) {
        order.push_back(i);
        rows.push_back(shape[static_cast<std::size_t>(i)]);
      }
    std::int64_t length = 1;
    for (std::int64_t axis : axes) {
      require_static_axis("prod", v.meta(0), axis, "multiply over other axes");
      order.push_back(axis);
      length *= shape[static_cast<std::size_t>(axis)];
    }
    rows.push_back(length);
    Dims permuted;
    for (std::size_t i = 0; i < order.size(); ++i) {
      back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
      permuted.push_back(shape[static_cast<std::size_t>(order[i])]);
    }
    const Tensor others = product_of_others(reshape(permute(x, order), rows), -1);
    return g * permute(reshape(others, permuted), back);
  };
  op.saves = Saves::inputs;
  op.reduction = true;
  op.amp = Precision::run_f32;
  op.shard = Shard::reduction;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(onnx_reduction("ReduceProd", false, "prod", scan_dtype),
                        {{"ReduceProd", from_onnx_reduction(prod)}});
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples =
        reduction_samples(m, true, [&m](const Shape& s) { return m.nonzero(s, -1.5, 1.5, 0.3); });
    // Zeros, also several in one product.
    samples.push_back(m.sample({m.integers({5, 6}, -1, 2, m.dtype())}, {{"axes", Dims{1}}}));
    samples.push_back(m.sample({m.integers({2, 3, 2}, -1, 3, m.dtype())}, {{"axes", Dims{0, 2}}}));
    return samples;
  };
  op.bad = bad_reductions("prod");
}

}  // namespace athanor::ops
