#include "athanor/op/op.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(dropout, "(x, p: real, seed: integer, stream: integer) -> y") {
  op.doc =
      "Inverted dropout: each element is 0 with probability p, x / (1 - p) otherwise (Srivastava "
      "et al. 2014). Element i of the row-major order is dropped if word i % 4 of Philox counter "
      "i / 4 under the key {seed, stream} is below p * 2^32. The gradient draws the same numbers "
      "again.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const double p = a.real("p");
    require(p >= 0 && p <= 1, "dropout: p is {}, it must be between 0 and 1", p);
    return MetaList{in[0]};
  };
  op.kernels_only = true;
  op.random = true;
  op.layout = Layout::follows;
  op.shard = Shard::pointwise;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const RandomKey key{static_cast<std::uint64_t>(a.integer("seed")),
                        static_cast<std::uint64_t>(a.integer("stream"))};
    const double p = a.real("p");
    std::vector<double> values = in[0].to_vector<double>();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = philox(key, i / 4)[i % 4] < p * 0x1p32 ? 0 : values[i] / (1 - p);
    const Tensor y = Tensor::empty(in[0].shape(), in[0].dtype());
    y.copy_from(Tensor::from(values, in[0].shape()));
    return TensorList{y};
  };
  // Linear in x: the gradient passes the same mask.
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    return dropout(v.grad(), a.real("p"), a.integer("seed"), a.integer("stream"));
  };
  op.saves = Saves::none;
  op.onnx = onnx_none("models are exported for inference, where dropout does nothing");
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{70}, Shape{}, Shape{3, 5}, Shape{2, 3, 4, 5}, Shape{0, 3}})
      samples.push_back(
          m.sample({m.tensor(shape, -3, 3)},
                   {{"p", 0.3}, {"seed", std::int64_t{7}}, {"stream", std::int64_t{11}}}));
    for (double p : {0.0, 0.5, 1.0})
      samples.push_back(
          m.sample({m.tensor({1500}, -3, 3)},
                   {{"p", p}, {"seed", std::int64_t{-1}}, {"stream", std::int64_t{1} << 40}}));
    return samples;
  };
  op.bad = {{"it must be between 0 and 1", [](SampleMaker& m) {
               return m.sample(
                   {m.tensor({2})},
                   {{"p", 1.5}, {"seed", std::int64_t{0}}, {"stream", std::int64_t{0}}});
             }}};
}

}  // namespace athanor::ops
