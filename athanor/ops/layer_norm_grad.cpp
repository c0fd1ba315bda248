#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(layer_norm_grad,
       "(x, grad, weight?, dims: integer = 1, epsilon: real = 1e-5) -> dx, dweight, dbias") {
  op.doc =
      "The gradients of layer_norm by its inputs, from the gradient by its output. dweight and "
      "dbias "
      "have the shape of the normalised axes, in f32 when x is half precision.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs& a) {
    require_trailing_norm(op, in, 2, a);
    require_same_dtype("layer_norm_grad", "x", in[0], "grad", in[1]);
    require<ShapeError>(in[0].shape == in[1].shape, "layer_norm_grad: grad {} and x {} differ",
                        describe(in[1]), describe(in[0]));
    const TensorMeta vector{trailing_shape(in[0].shape, a.integer("dims")),
                            statistics_dtype(in[0].dtype)};
    return MetaList{in[0], vector, vector};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype(), s = statistics_dtype(dtype);
    const std::int64_t dims = a.integer("dims");
    const Dims axes = trailing_axes(in[0].rank(), dims);
    const auto wide = [&](const Tensor& t) { return t.dtype() == s ? t : cast(t, s); };
    const Tensor x = wide(in[0]), grad = wide(in[1]);
    const Tensor d = x - mean(x, axes, true);
    const Tensor scale = rsqrt(mean(d * d, axes, true) + a.real("epsilon"));
    const Tensor z = d * scale, g = in[2].defined() ? grad * wide(in[2]) : grad;
    const Tensor dx = scale * (g - mean(g, axes, true) - z * mean(g * z, axes, true));
    return TensorList{dtype == s ? dx : cast(dx, dtype), summed_to_trailing(grad * z, dims),
                      summed_to_trailing(grad, dims)};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.reduction = true;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) { return trailing_norm_samples(m, 1, true); };
  op.bad = bad_trailing_norm("layer_norm_grad", 1, true);
}

}  // namespace athanor::ops
