#include <limits>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/reduction.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

Tensor norm_of_doubles_or_floats(const Tensor& x, const Attrs& a) {
  const Dims axes = normalize_axes(a.dims("axes"), x.rank(), "norm");
  const bool keep = a.flag("keep");
  const double p = a.real("p");
  const Tensor size = abs(x);
  if (axes.empty()) return size;
  if (p == 1) return sum(size, axes, keep);
  for (std::int64_t axis : axes)
    if (x.dim(axis) == 0) return Tensor::zeros(reduced_shape(x.shape(), axes, keep), x.dtype());
  if (p == kNoLimit) return amax(size, axes, keep);
  // Divided by the largest, so that powers neither overflow nor vanish.
  const Tensor largest = amax(size, axes, true), zero = number_like(0, x), one = number_like(1, x);
  const Tensor plain =
      ne(size - size, zero);  // infinite or NaN elements must not be divided by themselves
  const Tensor special = gt(sum(cast(plain, x.dtype()), axes, true), zero);
  const Tensor unit = where(logical_or(special, eq(largest, zero)), one, largest);
  const Tensor part = size / unit;
  const Tensor y = p == 2
                       ? sqrt(sum(part * part, axes, true))
                       : pow(sum(pow(part, number_like(p, x)), axes, true), number_like(1 / p, x));
  const Tensor result = y * unit;
  return keep ? result : squeeze(result, axes);
}

}  // namespace

ATH_OP(norm, "(x, p: real = 2, axes: dims = [], keep: flag = false) -> y") {
  op.doc =
      "The p-norm over the axes (none given: all), which vanish or stay with size 1 if `keep`: "
      "sum(|x|^p)^(1/p) for p >= 1, the largest |x| for p = inf. The norm of nothing is 0. Where "
      "it is 0, the gradient is 0; largest elements that tie share it evenly.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require(a.real("p") >= 1, "norm: p is {}; it must be at least 1", a.real("p"));
    return infer_reduction("norm", in[0], a, in[0].dtype);
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype();
    if (dtype != DType::f16 && dtype != DType::bf16)
      return TensorList{norm_of_doubles_or_floats(in[0], a)};
    return TensorList{cast(norm_of_doubles_or_floats(cast(in[0], DType::f32), a), dtype)};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor& x = v.input(0);
    const std::size_t rank = x.shape().size();
    const double p = v.attrs().real("p");
    const Tensor g = keep_axes(v.grad(), rank, v.attrs(), "norm");
    if (p == 1) return g * sign(x);
    const Tensor y = keep_axes(v.output(), rank, v.attrs(), "norm");
    if (p == kNoLimit) {
      const Tensor hit = cast(eq(abs(x), y), x.dtype());
      return g * sign(x) * hit / sum(hit, v.attrs().dims("axes"), true);
    }
    const Tensor unit = where(eq(y, number_like(0, y)), number_like(1, y), y), part = x / unit;
    if (p == 2) return g * part;
    return g * sign(x) * pow(abs(part), number_like(p - 1, x));
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.reduction = true;
  op.amp = Precision::run_f32;
  op.shard = Shard::reduction;
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.onnx.from.emplace_back("ReduceL1",
                            from_onnx_reduction([](const Tensor& x, const Dims& axes, bool keep) {
                              return norm(x, 1, axes, keep);
                            }));
  op.onnx.from.emplace_back("ReduceL2",
                            from_onnx_reduction([](const Tensor& x, const Dims& axes, bool keep) {
                              return norm(x, 2, axes, keep);
                            }));
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples =
        reduction_samples(m, true, [&m](const Shape& s) { return m.nonzero(s, -3, 3, 0.3); });
    for (const double p : {1.0, 3.0, 1.5}) {
      const auto add = [&](const Shape& shape, const Dims& axes, bool keep) {
        samples.push_back(
            m.sample({m.nonzero(shape, -3, 3, 0.3)}, {{"p", p}, {"axes", axes}, {"keep", keep}}));
      };
      add({3, 5}, {1}, false);
      add({2, 3, 4}, {0, 2}, true);
      add({40, 3}, {0}, false);
      add({}, {}, false);
      add({0, 3}, {0}, false);
    }
    samples.push_back(m.sample({m.distinct({4, 5})}, {{"p", kNoLimit}, {"axes", Dims{1}}}));
    samples.push_back(m.sample({m.distinct({2, 3, 4})}, {{"p", kNoLimit}, {"keep", true}}));
    samples.push_back(m.sample({m.tensor({0, 3})}, {{"p", kNoLimit}, {"axes", Dims{0}}}));
    return samples;
  };
  op.bad = bad_reductions("norm");
  op.bad.push_back({"norm: p is 0.5; it must be at least 1",
                    [](SampleMaker& m) { return m.sample({m.tensor({3})}, {{"p", 0.5}}); }});
}

}  // namespace athanor::ops
