#include <cmath>
#include <numbers>

#include "athanor/ops/core/fourier.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(fft, "(x, axis: integer = -2, inverse: flag = false) -> y") {
  op.doc =
      "The discrete Fourier transform along an axis: y_k = sum over n of x_n exp(-2 pi i k n / N); "
      "with `inverse` exp(+...) and a factor 1 / N. x and y: [..., 2], whose last axis holds the "
      "real and the imaginary part. Any N; the time is N log N.";
  op.dtypes = kFourierDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    (void)fourier_axis("fft", in[0], a, true);
    return MetaList{in[0]};
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const std::size_t axis = fourier_axis("fft", meta_of(in[0]), a, true);
    const std::int64_t n = in[0].shape()[axis];
    const std::int64_t step = contiguous_strides(in[0].shape())[axis];
    const double direction = a.flag("inverse") ? 1 : -1,
                 scale = a.flag("inverse") ? 1.0 / static_cast<double>(n) : 1;
    const std::vector<double> x = in[0].to_vector<double>();
    std::vector<double> y(x.size());
    for (std::int64_t begin = 0; begin < in[0].count(); begin += n * step)
      for (std::int64_t inner = 0; inner < step; inner += 2)
        for (std::int64_t k = 0; k < n; ++k) {
          double real = 0, imaginary = 0;
          for (std::int64_t j = 0; j < n; ++j) {
            const double angle = direction * 2 * std::numbers::pi * static_cast<double>(k * j % n) /
                                 static_cast<double>(n);
            const auto at = static_cast<std::size_t>(begin + inner + j * step);
            real += x[at] * std::cos(angle) - x[at + 1] * std::sin(angle);
            imaginary += x[at] * std::sin(angle) + x[at + 1] * std::cos(angle);
          }
          const auto at = static_cast<std::size_t>(begin + inner + k * step);
          y[at] = real * scale, y[at + 1] = imaginary * scale;
        }
    return TensorList{from_doubles(y, in[0].shape(), in[0].dtype())};
  };
  op.vjp = [](const Vjp& v) {
    const std::size_t axis = fourier_axis("fft", v.meta(0), v.attrs(), true);
    const auto n = static_cast<double>(v.meta(0).shape[axis]);
    const bool inverse = v.attrs().flag("inverse");
    const Tensor back = fft(v.grad(), v.attrs().integer("axis"), !inverse);
    return back * (inverse ? 1 / n : n);
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const auto axis = static_cast<std::int64_t>(
            fourier_axis("fft", meta_of(call.input_tensors[0]), call.attrs, true));
        return OnnxNames{w.node("DFT", {call.inputs[0]},
                                {{"axis", axis},
                                 {"inverse", std::int64_t{call.attrs.flag("inverse")}},
                                 {"onesided", std::int64_t{0}}})};
      },
      {{"DFT", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          const std::int64_t axis = node.integer("axis", 1);
          const bool one_sided = node.integer("onesided", 0) != 0;
          require<UnsupportedError>(!node.input(1).defined(),
                                    "ONNX DFT: dft_length is not supported; pad or cut before");
          require<UnsupportedError>(x.rank() > 0 && (x.dim(-1) == 2 || x.dim(-1) == 1),
                                    "ONNX DFT: the last axis of {} must be 1 or 2", describe(x));
          const bool real = x.dim(-1) == 1, inverse = node.integer("inverse", 0) != 0;
          if (real && one_sided && !inverse)
            return TensorList{rfft(squeeze(x, {x.rank() - 1}), axis)};
          require<UnsupportedError>(!one_sided, "ONNX DFT: onesided of complex numbers or inverse");
          const Dims none(static_cast<std::size_t>(x.rank()), 0);
          Dims one = none;
          one.back() = 1;
          return TensorList{fft(real ? pad(x, none, one) : x, axis, inverse)};
        }}});
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const std::int64_t n : {1, 2, 3, 8, 12, 67, 134})
      samples.push_back(m.sample({m.tensor({2, n, 2})}, {{"inverse", n % 2 == 0}}));
    samples.push_back(m.sample({m.tensor({5, 2})}));
    samples.push_back(m.sample({m.tensor({6, 3, 2})}, {{"axis", 0}}));
    samples.push_back(m.sample({m.tensor({2, 4, 3, 2})}, {{"axis", 1}, {"inverse", true}}));
    samples.push_back(m.sample({m.tensor({0, 4, 2})}));
    return samples;
  };
  op.bad = {
      {"fft: the last axis of x must be 2",
       [](SampleMaker& m) { return m.sample({m.tensor({4, 3})}); }},
      {"fft: axis 1 holds the real and imaginary parts",
       [](SampleMaker& m) { return m.sample({m.tensor({4, 2})}, {{"axis", 1}}); }},
      {"fft: axis 0 of x is empty", [](SampleMaker& m) { return m.sample({m.tensor({0, 2})}); }}};
}

}  // namespace athanor::ops
