#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(channels_last, "(x) -> y") {
  op.doc =
      "x with its axis 1 innermost in memory (NHWC), same shape and values: x itself if it lies so "
      "already, a copy otherwise. x: [N, C, ...] of rank 3 or more.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    require<ShapeError>(in[0].shape.size() >= 3,
                        "channels_last: x has shape {}, it needs rank 3 or more [N,C,...]",
                        to_string(in[0].shape));
    return MetaList{in[0]};
  };
  op.kernels_only = true;
  op.layout = Layout::kernel;
  op.cheap_to_recompute = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    const Shape& shape = in[0].shape();
    const Tensor y = Tensor::empty_strided(shape, channels_last_strides(shape), in[0].dtype());
    y.copy_from(in[0]);
    return TensorList{y};
  };
  op.vjp = [](const Vjp& v) { return v.grad(); };
  op.saves = Saves::none;
  op.batching = Batching::leading;
  op.onnx = onnx_custom([](OnnxWriter& w, const OnnxCall& call) {
    return OnnxNames{w.node("Identity", call.inputs)};  // memory order is no part of ONNX
  });
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{1, 1, 4, 5}, Shape{2, 3, 1, 1},
                               Shape{2, 3, 7}, Shape{2, 17, 5, 3}, Shape{0, 3, 2, 2}})
      samples.push_back(m.sample({m.tensor(shape, 0, 9)}));
    return samples;
  };
  op.bad = {
      {"it needs rank 3 or more", [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}); }}};
}

}  // namespace athanor::ops
