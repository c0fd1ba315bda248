#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(layer_norm, "(x, weight?, bias?, dims: integer = 1, epsilon: real = 1e-5) -> y") {
  op.doc =
      "(x - mean) / sqrt(variance + epsilon) * weight + bias over the last `dims` axes together, "
      "with "
      "the biased variance (Ba et al. 2016). weight, bias: the shape of these axes; f32 is taken "
      "too "
      "when x is half precision, whose sums are made in f32.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs& a) {
    require_trailing_norm(op, in, 1, a);
    return MetaList{in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype(), s = statistics_dtype(dtype);
    const Dims axes = trailing_axes(in[0].rank(), a.integer("dims"));
    const auto wide = [&](const Tensor& t) { return t.dtype() == s ? t : cast(t, s); };
    const Tensor x = wide(in[0]);
    const Tensor d = x - mean(x, axes, true);
    Tensor y = d * rsqrt(mean(d * d, axes, true) + a.real("epsilon"));
    if (in[1].defined()) y = y * wide(in[1]);
    if (in[2].defined()) y = y + wide(in[2]);
    return TensorList{dtype == s ? y : cast(y, dtype)};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor weight = v.meta(1).shape.empty() ? Tensor() : v.input(1);
    const auto found = layer_norm_grad(v.input(0), v.grad(), weight, v.attrs().integer("dims"),
                                       v.attrs().real("epsilon"));
    TensorList out(3);
    if (v.needs(0)) out[0] = found[0];
    for (int i = 1; i <= 2; ++i)
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
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const Tensor& x = call.input_tensors[0];
        const std::int64_t dims = call.attrs.integer("dims");
        const Shape shape = trailing_shape(x.shape(), dims);
        // ONNX wants a weight, and all of one dtype.
        OnnxNames inputs{call.inputs[0]};
        inputs.push_back(call.input_tensors[1].defined()
                             ? onnx_cast(w, call, 1, x.dtype())
                             : w.constant(Tensor::ones(shape, x.dtype())));
        if (call.input_tensors[2].defined()) inputs.push_back(onnx_cast(w, call, 2, x.dtype()));
        return OnnxNames{w.node("LayerNormalization", inputs,
                                {{"axis", -dims}, {"epsilon", call.attrs.real("epsilon")}})};
      },
      {{"LayerNormalization", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          const std::int64_t axis =
              normalize_axis(node.integer("axis", -1), x.rank(), "ONNX LayerNormalization");
          require<UnsupportedError>(node.integer("stash_type", 1) == 1,
                                    "ONNX LayerNormalization: stash_type must be 1 (float)");
          return TensorList{layer_norm(x, node.input(1), node.input(2), x.rank() - axis,
                                       node.real("epsilon", 1e-5))};
        }}});
  op.samples = [](SampleMaker& m) { return trailing_norm_samples(m, 2, false); };
  op.bad = bad_trailing_norm("layer_norm", 2, false);
}

}  // namespace athanor::ops
