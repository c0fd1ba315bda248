#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/normalization.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(
    batch_norm_inference,
    "(x, weight, bias, mean, variance, epsilon: real = 1e-5, activation: text = \"none\") -> y") {
  op.doc =
      "Batch normalisation with given statistics, followed by the activation none, relu or relu6. "
      "x: [N, C, ...], weight, bias, mean, variance: [C]; NHWC strides are kept.";
  op.infer = [&op](std::span<const TensorMeta> in, const Attrs& a) {
    require_batch_norm(op, in, 1, a);
    return MetaList{in[0]};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const DType dtype = in[0].dtype(), s = statistics_dtype(dtype);
    const std::size_t rank = in[0].shape().size();
    const Tensor x = dtype == s ? in[0] : cast(in[0], s);
    const Tensor scale =
        per_channel(in[1], rank, s) * rsqrt(per_channel(in[4], rank, s) + a.real("epsilon"));
    const Tensor y =
        activated((x - per_channel(in[3], rank, s)) * scale + per_channel(in[2], rank, s),
                  a.text("activation"));
    return TensorList{dtype == s ? y : cast(y, dtype)};
  };
  op.layout = Layout::follows;
  op.shard = Shard::batch;
  op.batching = Batching::merged;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const std::string y =
            w.node("BatchNormalization", call.inputs, {{"epsilon", call.attrs.real("epsilon")}});
        const std::string& activation = call.attrs.text("activation");
        if (activation == "relu") return OnnxNames{w.node("Relu", {y})};
        if (activation == "none") return OnnxNames{y};
        const DType dtype = call.input_tensors[0].dtype();
        return OnnxNames{w.node("Clip", {y, w.constant(Tensor::scalar(0, dtype)),
                                         w.constant(Tensor::scalar(6, dtype))})};
      },
      {{"BatchNormalization", [](const OnnxReader& node) {
          require<UnsupportedError>(node.integer("training_mode", 0) == 0,
                                    "ONNX BatchNormalization: training_mode is not supported; "
                                    "export the model for inference");
          (void)node.real("momentum", 0.9);  // of training's running statistics
          return TensorList{batch_norm_inference(node.input(0), node.input(1), node.input(2),
                                                 node.input(3), node.input(4),
                                                 node.real("epsilon", 1e-5), "none")};
        }}});
  op.samples = [](SampleMaker& m) {
    const DType s = statistics_dtype(m.dtype());
    const auto vector = [&](std::int64_t c, double low, double high) {
      Tensor t = Tensor::empty({c}, s);
      t.copy_from(m.tensor({c}, low, high));
      return t;
    };
    const auto call = [&](const Tensor& x, const char* activation, double scale) {
      const std::int64_t c = x.dim(1);
      return m.sample({x, vector(c, scale, scale + 0.1), vector(c, 0.013, 0.017),
                       vector(c, -0.012, 0.012), vector(c, 0.9, 1.1)},
                      {{"activation", std::string(activation)}});
    };
    return std::vector<Sample>{call(m.tensor({2, 3, 4, 5}), "none", 0.5),
                               call(m.tensor({1, 17, 3, 3}), "none", 1),
                               call(m.distinct({2, 2, 3, 4}, 0.05), "relu", 1),
                               call(m.distinct({2, 2, 3, 4}, 0.05), "relu6", 8),
                               call(m.tensor({5, 4}), "none", 1),
                               call(m.tensor({0, 3, 2, 2}), "none", 1)};
  };
  op.bad = {{"mean must have shape [3]", [](SampleMaker& m) {
               return m.sample({m.tensor({2, 3, 4, 4}), m.tensor({3}), m.tensor({3}), m.tensor({1}),
                                m.tensor({3})});
             }}};
}

}  // namespace athanor::ops
