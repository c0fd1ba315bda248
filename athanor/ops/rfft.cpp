#include "athanor/ops/core/fourier.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(rfft, "(x, axis: integer = -1) -> y") {
  op.doc =
      "The Fourier transform of real numbers along an axis of size N: the first N / 2 + 1 complex "
      "numbers, of which the others are the conjugates. x: [..., N, ...], y: [..., N / 2 + 1, ..., "
      "2], whose last axis holds the real and the imaginary part.";
  op.dtypes = kFourierDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const std::size_t axis = fourier_axis("rfft", in[0], a, false);
    Shape shape = in[0].shape;
    shape[axis] = shape[axis] / 2 + 1;
    shape.push_back(2);
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t rank = in[0].rank();
    const std::int64_t axis = normalize_axis(a.integer("axis"), rank, "rfft");
    Dims none(static_cast<std::size_t>(rank) + 1, 0), one = none;
    one.back() = 1;
    const Tensor y = fft(pad(unsqueeze(in[0], {rank}), none, one), axis);
    return TensorList{slice(y, axis, 0, in[0].dim(axis) / 2 + 1)};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const std::int64_t n : {1, 2, 3, 8, 13, 74})
      samples.push_back(m.sample({m.tensor({2, n})}));
    samples.push_back(m.sample({m.tensor({6})}));
    samples.push_back(m.sample({m.tensor({6, 3})}, {{"axis", 0}}));
    samples.push_back(m.sample({m.tensor({2, 5, 2, 2})}, {{"axis", 1}}));
    samples.push_back(m.sample({m.tensor({0, 4})}));
    return samples;
  };
  op.bad = {
      {"rfft: axis 0 of x is empty", [](SampleMaker& m) { return m.sample({m.tensor({0})}); }},
      {"rfft: axis 2 is outside [-2, 2)",
       [](SampleMaker& m) { return m.sample({m.tensor({2, 3})}, {{"axis", 2}}); }}};
}

}  // namespace athanor::ops
