#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(
    batch_norm_train,
    "(x, weight, bias, epsilon: real = 1e-5, activation: text = \"none\") -> y, mean, variance") {
  op.doc =
      "Batch normalisation with the statistics of this batch (Ioffe and Szegedy 2015), followed by "
      "the activation none, relu or relu6. x: [N, C, ...], weight, bias, mean, variance (biased): "
      "[C], in f32 when x is half precision; NHWC strides are kept.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs& a) {
    require_batch_norm(op, in, 1, a);
    const TensorMeta& x = in[0];
    require<ShapeError>(is_dynamic(x.shape) || element_count(x.shape) > 0,
                        "batch_norm_train: a channel of x has no values, so no mean (x: {})",
                        describe(x));
    const TensorMeta statistics{{x.shape[1]}, statistics_dtype(x.dtype)};
    return MetaList{x, statistics, statistics};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype(), s = statistics_dtype(dtype);
    const std::size_t rank = in[0].shape().size();
    const Dims axes = channel_axes(rank);
    const Tensor x = dtype == s ? in[0] : cast(in[0], s);
    const Tensor m = mean(x, axes, true);
    const Tensor d = x - m;
    const Tensor variance = mean(d * d, axes, true);
    Tensor y = d * rsqrt(variance + a.real("epsilon")) * per_channel(in[1], rank, s) +
               per_channel(in[2], rank, s);
    y = activated(y, a.text("activation"));
    const Shape channels{in[0].dim(1)};
    return TensorList{dtype == s ? y : cast(y, dtype), reshape(m, channels),
                      reshape(variance, channels)};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    TensorList out(3);
    const Tensor& x = v.input(0);
    auto [dx, dweight, dbias] =
        batch_norm_train_grad(x, v.grad(0), v.input(1), v.input(2), v.output(1), v.output(2),
                              a.real("epsilon"), a.text("activation"));
    if (v.needs(0) && (v.has_grad(1) || v.has_grad(2))) {
      const std::size_t rank = x.shape().size();
      const DType s = statistics_dtype(x.dtype());
      const double n = static_cast<double>(values_per_channel(x.shape()));
      Tensor more = per_channel(v.grad(1), rank, s) * (1 / n);
      const Tensor wide = x.dtype() == s ? x : cast(x, s);
      more = more + (wide - per_channel(v.output(1), rank, s)) *
                        (per_channel(v.grad(2), rank, s) * (2 / n));
      dx = dx + (x.dtype() == s ? more : cast(more, x.dtype()));
    }
    out[0] = dx;
    out[1] = dweight;
    out[2] = dbias;
    return out;
  };
  op.saves = Saves::inputs | Saves::output(1) | Saves::output(2);
  op.reduction = true;
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const DType s = statistics_dtype(m.dtype());
    const auto vector = [&](std::int64_t c, double low, double high) {
      Tensor t = Tensor::empty({c}, s);
      t.copy_from(m.tensor({c}, low, high));
      return t;
    };
    std::vector<Sample> samples;
    samples.push_back(
        m.sample({m.tensor({2, 3, 4, 5}, -2, 3), vector(3, 0.5, 1.5), vector(3, -1, 1)}));
    samples.push_back(m.sample({m.tensor({3, 17, 3, 3}), vector(17, 0.5, 1.5), vector(17, -1, 1)},
                               {{"epsilon", 1e-3}}));
    samples.push_back(m.sample({m.tensor({6, 4}), vector(4, 0.5, 1.5), vector(4, -1, 1)}));
    samples.push_back(m.sample({m.tensor({3, 2, 7}), vector(2, 0.5, 1.5), vector(2, -1, 1)}));
    // Values lie on a lattice whose normalised image stays away from the kinks of the activations.
    samples.push_back(
        m.sample({m.distinct({2, 2, 3, 4}), vector(2, 0.9, 1.1), vector(2, 0.01, 0.03)},
                 {{"activation", std::string("relu")}}));
    samples.push_back(
        m.sample({m.distinct({2, 2, 3, 4}), vector(2, 3.9, 4.1), vector(2, 0.01, 0.03)},
                 {{"activation", std::string("relu6")}}));
    return samples;
  };
  op.bad = {{"weight must have shape [3]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3, 4, 4}), m.tensor({4}), m.tensor({3})});
             }},
            {"it can be none, relu, relu6",
             [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3, 4, 4}), m.tensor({3}), m.tensor({3})},
                               {{"activation", std::string("gelu")}});
             }},
            {"has no values", [](SampleMaker& m) {
               return m.sample({m.tensor({0, 3, 4, 4}), m.tensor({3}), m.tensor({3})});
             }}};
}

}  // namespace athanor::ops
