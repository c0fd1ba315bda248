#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(cast, "(x, dtype: dtype) -> y") {
  op.doc =
      "x as another dtype, the same memory order; x itself if it has that dtype. Floating values "
      "are cut towards zero and limited to the range of an integer (NaN gives 0), integers wrap "
      "into a narrower one, anything but zero is true.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return MetaList{{in[0].shape, a.dtype("dtype")}};
  };
  op.kernels_only = true;
  op.layout = Layout::kernel;
  op.shard = Shard::pointwise;
  op.cheap_to_recompute = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor y = Tensor::empty(in[0].shape(), a.dtype("dtype"));
    y.copy_from(in[0]);
    return TensorList{y};
  };
  op.vjp = [](const Vjp& v) {
    return is_floating(v.meta(0).dtype) ? cast(v.grad(), v.meta(0).dtype) : Tensor();
  };
  op.saves = Saves::none;
  op.batching = Batching::leading;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        return OnnxNames{
            w.node("Cast", call.inputs, {{"to", onnx_type(call.attrs.dtype("dtype"))}})};
      },
      {{"Cast", [](const OnnxReader& node) {
          return TensorList{cast(node.input(0), dtype_from_onnx(node.integer("to", 1)))};
        }}});
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (DType d : kAllDTypes)
      samples.push_back(m.sample({m.tensor({3, 5}, 0, 9)}, {{"dtype", d}}));
    for (DType d : {DType::f32, DType::i64}) {
      samples.push_back(m.sample({m.tensor({}, 0, 3)}, {{"dtype", d}}));
      samples.push_back(m.sample({m.tensor({0, 3})}, {{"dtype", d}}));
      samples.push_back(m.sample({m.tensor({2, 3, 4, 5}, 0, 100)}, {{"dtype", d}}));
    }
    return samples;
  };
  op.bad = {{"input 'x' is undefined",
             [](SampleMaker& m) { return m.sample({Tensor()}, {{"dtype", DType::f32}}); }}};
}

}  // namespace athanor::ops
