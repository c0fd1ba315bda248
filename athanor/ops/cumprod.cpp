#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/scan.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(cumprod, "(x, axis: integer, exclusive: flag = false, reverse: flag = false) -> y") {
  op.doc =
      "Running product along an axis: y[k] = x[0] * ... * x[k]. `exclusive` leaves out x[k] "
      "itself, `reverse` begins at the end. Integers and bool give i64 and wrap. The gradient is "
      "right with zeros in x.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_scan("cumprod", in[0], a);
  };
  // Products of 1, 2, 4, 8 ... neighbours (Hillis and Steele 1986): ONNX has no running product.
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t axis = normalize_axis(a.integer("axis"), in[0].rank(), "cumprod");
    require_static_axis("cumprod", meta_of(in[0]), axis, "multiply along another axis");
    const std::int64_t size = in[0].dim(axis), way = a.flag("reverse") ? -1 : 1;
    Tensor y = cast(in[0], scan_dtype(in[0].dtype()));
    if (a.flag("exclusive")) y = shift_along(y, axis, way, 1);
    for (std::int64_t step = 1; step < size; step *= 2) y = y * shift_along(y, axis, way * step, 1);
    return TensorList{contiguous(y)};
  };
  // d y[k] / d x[i] is the product of all before i and of all between i and k: no division by x.
  op.vjp = [](const Vjp& v) {
    const Tensor& x = v.input(0);
    const std::int64_t axis = v.attrs().integer("axis");
    const bool exclusive = v.attrs().flag("exclusive"), reverse = v.attrs().flag("reverse");
    const std::int64_t back = reverse ? 1 : -1;
    const Tensor g = exclusive ? shift_along(v.grad(), axis, back, 0) : v.grad();
    return cumprod(x, axis, true, reverse) *
           linear_scan(shift_along(x, axis, back, 0), g, axis, !reverse);
  };
  op.saves = Saves::inputs;
  op.amp = Precision::run_f32;
  op.batching = Batching::axes;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples =
        scan_samples(m, [&m](const Shape& s) { return m.nonzero(s, -1.5, 1.5, 0.3); });
    // Zeros, also two in one line.
    samples.push_back(m.sample({m.integers({5, 6}, -1, 2, m.dtype())}, {{"axis", 1}}));
    samples.push_back(m.sample({m.integers({6, 4}, -1, 2, m.dtype())},
                               {{"axis", 0}, {"exclusive", true}, {"reverse", true}}));
    return samples;
  };
  op.bad = bad_scans("cumprod");
}

}  // namespace athanor::ops
