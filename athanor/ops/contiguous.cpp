#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(contiguous, "(x) -> y") {
  op.doc = "x in row-major memory order: x itself if it lies so already, a copy otherwise.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) { return MetaList{in[0]}; };
  op.kernels_only = true;
  op.layout = Layout::kernel;
  op.cheap_to_recompute = true;
  op.reference = [](std::span<const Tensor> in, const Attrs&) {
    const Tensor y = Tensor::empty(in[0].shape(), in[0].dtype());
    y.copy_from(in[0]);
    return TensorList{y};
  };
  op.vjp = [](const Vjp& v) { return v.grad(); };
  op.saves = Saves::none;
  op.batching = Batching::leading;
  op.onnx = onnx_node("Identity");  // memory order is no part of an ONNX tensor
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{7}, Shape{}, Shape{3, 5}, Shape{2, 3, 4, 5}, Shape{0, 3}})
      samples.push_back(m.sample({m.tensor(shape, 0, 9)}));
    const Tensor x = m.tensor({40, 33}, 0, 9);
    samples.push_back(m.sample({x.view_as({33, 40}, {1, 33}, 0)}));
    samples.push_back(m.sample({x.view_as({13, 11}, {66, 3}, 5)}));
    return samples;
  };
  op.bad = {{"input 'x' is undefined", [](SampleMaker& m) { return m.sample({Tensor()}); }}};
}

}  // namespace athanor::ops
