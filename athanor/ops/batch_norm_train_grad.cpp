#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(batch_norm_train_grad,
       "(x, grad, weight, bias, mean, variance, epsilon: real = 1e-5, activation: text = \"none\") "
       "-> dx, dweight, dbias") {
  op.doc =
      "The gradient of batch_norm_train by x, weight and bias in one op; whether the activation "
      "lets grad pass is computed again from x. mean, variance: the outputs of batch_norm_train. "
      "x, grad, dx: [N, C, ...], the others: [C].";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta& x = in[0];
    require_same_dtype(op.name, "x", x, "grad", in[1]);
    require<ShapeError>(in[1].shape == x.shape,
                        "batch_norm_train_grad: grad must have the shape of x (x: {}, grad: {})",
                        describe(x), describe(in[1]));
    const std::array<TensorMeta, 5> vectors{x, in[2], in[3], in[4], in[5]};
    for (std::size_t i = 2; i < 6; ++i)
      require<ShapeError>(x.shape.size() >= 2 && in[i].shape == Shape{x.shape[1]},
                          "batch_norm_train_grad: {} must be [C] for x: {}, it is {}",
                          op.signature.inputs[i].name, describe(x), describe(in[i]));
    require_batch_norm(op, vectors, 1, a);
    return MetaList{x, in[2], in[3]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype(), s = statistics_dtype(dtype);
    const std::size_t rank = in[0].shape().size();
    const Dims axes = channel_axes(rank);
    const double n = static_cast<double>(values_per_channel(in[0].shape()));
    const Tensor x = dtype == s ? in[0] : cast(in[0], s);
    Tensor g = dtype == s ? in[1] : cast(in[1], s);
    const Tensor weight = per_channel(in[2], rank, s);
    const Tensor inverse = rsqrt(per_channel(in[5], rank, s) + a.real("epsilon"));
    const Tensor normal = (x - per_channel(in[4], rank, s)) * inverse;
    const std::string& activation = a.text("activation");
    if (activation != "none")
      g = through_activation(g, normal * weight + per_channel(in[3], rank, s), activation);
    const Tensor dbias = sum(g, axes, true);
    const Tensor dweight = sum(g * normal, axes, true);
    const Tensor dx = weight * inverse * (g - dbias * (1 / n) - normal * (dweight * (1 / n)));
    const Shape channels{in[0].dim(1)};
    const auto as = [](const Tensor& t, DType d) { return t.dtype() == d ? t : cast(t, d); };
    return TensorList{as(dx, dtype), as(reshape(dweight, channels), in[2].dtype()),
                      as(reshape(dbias, channels), in[3].dtype())};
  };
  op.reduction = true;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_none("a gradient is not part of a deployed model");
  op.samples = [](SampleMaker& m) {
    const DType s = statistics_dtype(m.dtype());
    const auto vector = [&](std::int64_t c, double low, double high) {
      Tensor t = Tensor::empty({c}, s);
      t.copy_from(m.tensor({c}, low, high));
      return t;
    };
    const auto call = [&](const Shape& shape, const char* activation, double scale) {
      const std::int64_t c = shape[1];
      return m.sample({m.distinct(shape, 0.05), m.tensor(shape), vector(c, scale, scale + 0.1),
                       vector(c, 0.013, 0.017), vector(c, -0.012, 0.012), vector(c, 0.9, 1.1)},
                      {{"activation", std::string(activation)}});
    };
    return std::vector<Sample>{call({2, 3, 4, 5}, "none", 0.8), call({3, 17, 2, 3}, "none", 1),
                               call({2, 2, 3, 4}, "relu", 1),   call({2, 2, 3, 4}, "relu6", 8),
                               call({5, 4}, "none", 1),         call({3, 2, 5}, "none", 1)};
  };
  op.bad = {{"grad must have the shape of x", [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3, 4, 4}), m.tensor({2, 3, 4, 5}), m.tensor({3}),
                                m.tensor({3}), m.tensor({3}), m.tensor({3})});
             }}};
}

}  // namespace athanor::ops
