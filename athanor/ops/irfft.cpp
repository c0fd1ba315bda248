#include "athanor/ops/core/fourier.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(irfft, "(x, size: integer, axis: integer = -2) -> y") {
  op.doc =
      "The inverse of rfft: N = `size` real numbers from the first N / 2 + 1 complex ones. x: "
      "[..., "
      "N / 2 + 1, ..., 2], whose last axis holds the real and the imaginary part; y: [..., N, "
      "...]. "
      "The imaginary part of number 0, and of number N / 2 for even N, does not count.";
  op.dtypes = kFourierDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const std::size_t axis = fourier_axis("irfft", in[0], a, true);
    const std::int64_t size = a.integer("size");
    require<ShapeError>(size > 0 && in[0].shape[axis] == size / 2 + 1,
                        "irfft: {} real numbers come from {} complex ones, axis {} has {} (x: {})",
                        size, size / 2 + 1, axis, in[0].shape[axis], describe(in[0]));
    Shape shape(in[0].shape.begin(), in[0].shape.end() - 1);
    shape[axis] = size;
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t rank = in[0].rank(), size = a.integer("size");
    const std::int64_t axis = normalize_axis(a.integer("axis"), rank, "irfft");
    // The conjugates of numbers 1 to (N - 1) / 2, backwards.
    const Tensor signs = cast(Tensor::from(std::vector<double>{1, -1}, {2}), in[0].dtype());
    const Tensor rest = flip(slice(in[0], axis, 1, (size + 1) / 2), {axis}) * signs;
    const Tensor all[] = {in[0], rest};
    const Tensor y = fft(concat(all, axis), axis, true);
    return TensorList{squeeze(slice(y, rank - 1, 0, 1), {rank - 1})};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const std::int64_t n : {1, 2, 3, 8, 13, 74})
      samples.push_back(m.sample({m.tensor({2, n / 2 + 1, 2})}, {{"size", n}}));
    samples.push_back(m.sample({m.tensor({4, 2})}, {{"size", 6}}));
    samples.push_back(m.sample({m.tensor({4, 3, 2})}, {{"size", 7}, {"axis", 0}}));
    samples.push_back(m.sample({m.tensor({0, 3, 2})}, {{"size", 5}}));
    return samples;
  };
  op.bad = {{"irfft: 8 real numbers come from 5 complex ones, axis 0 has 4",
             [](SampleMaker& m) { return m.sample({m.tensor({4, 2})}, {{"size", 8}}); }}};
}

}  // namespace athanor::ops
