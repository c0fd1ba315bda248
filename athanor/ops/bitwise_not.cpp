#include "athanor/ops/core/bits.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(bitwise_not, "(x) -> y") {
  op.doc = "All bits of x turned over, element by element; of bool the logical form.";
  op.dtypes = kIntegers | kBool;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) { return MetaList{in[0]}; };
  op.lower = [](std::span<const Tensor> in, const Attrs&) {
    if (in[0].dtype() == DType::boolean) return TensorList{logical_not(in[0])};
    // Two's complement: ~x is -x - 1, wrapped.
    return TensorList{neg(in[0]) - number_like(1, in[0])};
  };
  op.no_gradient = "bits do not change continuously";
  op.layout = Layout::follows;
  op.onnx = onnx_lowering();
  op.onnx.from.emplace_back("BitwiseNot", nullptr);
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Sample& pair : bit_samples(m)) samples.push_back(m.sample({pair.inputs[0]}));
    return samples;
  };
  op.bad = {{"it takes bool, u8, i8, i32, i64",
             [](SampleMaker& m) { return m.sample({Tensor::zeros({2})}); }}};
}

}  // namespace athanor::ops
