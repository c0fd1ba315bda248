#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(rms_norm, "(x, weight?, dims: integer = 1, epsilon: real = 1e-5) -> y") {
  op.doc =
      "x / sqrt(mean(x^2) + epsilon) * weight over the last `dims` axes together (Zhang and "
      "Sennrich "
      "2019). weight: the shape of these axes; f32 is taken too when x is half precision, whose "
      "sums "
      "are made in f32.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs& a) {
    require_trailing_norm(op, in, 1, a);
    return MetaList{in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype(), s = statistics_dtype(dtype);
    const Dims axes = trailing_axes(in[0].rank(), a.integer("dims"));
    const auto wide = [&](const Tensor& t) { return t.dtype() == s ? t : cast(t, s); };
    const Tensor x = wide(in[0]);
    const Tensor d = x;
    Tensor y = d * rsqrt(mean(d * d, axes, true) + a.real("epsilon"));
    if (in[1].defined()) y = y * wide(in[1]);
    return TensorList{dtype == s ? y : cast(y, dtype)};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor weight = v.meta(1).shape.empty() ? Tensor() : v.input(1);
    const auto found = rms_norm_grad(v.input(0), v.grad(), weight, v.attrs().integer("dims"),
                                     v.attrs().real("epsilon"));
    TensorList out(2);
    if (v.needs(0)) out[0] = found[0];
    for (int i = 1; i <= 1; ++i)
      if (v.needs(i)) {
        const Tensor& g = found[static_cast<std::size_t>(i)];
        out[static_cast<std::size_t>(i)] =
            g.dtype() == v.meta(i).dtype ? g : cast(g, v.meta(i).dtype);
      }
    return out;
  };
  op.saves = Saves::input(0) | Saves::input(1);
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.reduction = true;
  op.batching = Batching::leading;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) { return trailing_norm_samples(m, 1, false); };
  op.bad = bad_trailing_norm("rms_norm", 1, false);
}

}  // namespace athanor::ops
