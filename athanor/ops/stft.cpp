#include <cmath>

#include "athanor/ops/core/fourier.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/spectrogram.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(stft,
       "(x, window?, n_fft: integer, hop: integer = 0, center: flag = true, normalized: flag = "
       "false, onesided: flag = true) -> y") {
  op.doc =
      "The Fourier transforms of overlapping pieces of a signal. x: [..., L]; a piece of n_fft "
      "elements begins every `hop` (0: a quarter of n_fft) and is multiplied by the window, which "
      "may be shorter and then stands in its middle; y: [..., bins, pieces, 2], real and imaginary "
      "part, with n_fft / 2 + 1 bins if onesided, else n_fft. center: n_fft / 2 mirrored elements "
      "are put on both ends, so that piece i has element i hop in its middle. normalized: divided "
      "by sqrt(n_fft).";
  op.dtypes = kFourierDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta& x = in[0];
    const bool has_window = !in[1].shape.empty();
    if (has_window) require_same_dtype("stft", "x", x, "window", in[1]);
    const Spectrogram s = spectrogram_of("stft", in[1], has_window, a);
    require<ShapeError>(!x.shape.empty(), "stft: x is {}; it must be [..., L]", describe(x));
    const std::int64_t length = x.shape.back();
    require_static_axis("stft", x, static_cast<std::int64_t>(x.shape.size()) - 1, "transform it");
    require<ShapeError>(s.margin() < length || s.margin() == 0,
                        "stft: center mirrors n_fft / 2 = {} elements; x {} must have more",
                        s.margin(), describe(x));
    const std::int64_t whole = length + 2 * s.margin();
    require<ShapeError>(whole >= s.size, "stft: x {} is shorter than n_fft {}", describe(x),
                        s.size);
    Shape shape(x.shape.begin(), x.shape.end() - 1);
    shape.push_back(s.bins());
    shape.push_back((whole - s.size) / s.hop + 1);
    shape.push_back(2);
    return MetaList{{shape, x.dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    Tensor x = in[0];
    const Spectrogram s = spectrogram_of("stft", {}, false, a);
    const std::int64_t last = x.rank() - 1;
    if (s.margin() > 0) {
      Dims margin(static_cast<std::size_t>(x.rank()), 0);
      margin.back() = s.margin();
      x = pad(x, margin, margin, 0, "reflect");
    }
    const std::int64_t frames = (x.dim(last) - s.size) / s.hop + 1;
    Shape shape(x.shape().begin(), x.shape().end() - 1);
    shape.push_back(frames);
    shape.push_back(s.size);
    const Tensor pieces = reshape(index_select(x, frame_places(s, frames), last), shape) *
                          whole_window(s, in[1], x.dtype());
    Tensor y;
    if (s.onesided) {
      y = rfft(pieces, -1);
    } else {
      y = fft(stack(TensorList{pieces, pieces * 0.0}, last + 2), last + 1, false);
    }
    if (s.normalized) y = y * (1 / std::sqrt(static_cast<double>(s.size)));
    Dims order;
    for (std::int64_t i = 0; i < last; ++i) order.push_back(i);
    for (const std::int64_t i : {last + 1, last, last + 2}) order.push_back(i);
    return TensorList{contiguous(permute(y, order))};
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 20}), m.tensor({8})}, {{"n_fft", std::int64_t{8}}}),
        m.sample({m.tensor({17}), Tensor()},
                 {{"n_fft", std::int64_t{6}}, {"hop", std::int64_t{4}}, {"normalized", true}}),
        m.sample({m.tensor({2, 1, 15}), m.tensor({5})},
                 {{"n_fft", std::int64_t{8}}, {"hop", std::int64_t{3}}, {"center", false}}),
        m.sample({m.tensor({2, 11}), m.tensor({5})},
                 {{"n_fft", std::int64_t{5}}, {"hop", std::int64_t{5}}, {"onesided", false}}),
        m.sample({m.tensor({0, 11}), m.tensor({4})}, {{"n_fft", std::int64_t{4}}})};
  };
  op.bad = {{"stft: n_fft is 0",
             [](SampleMaker& m) {
               return m.sample({m.tensor({8}), Tensor()}, {{"n_fft", std::int64_t{0}}});
             }},
            {"stft: hop is -1",
             [](SampleMaker& m) {
               return m.sample({m.tensor({8}), Tensor()},
                               {{"n_fft", std::int64_t{4}}, {"hop", std::int64_t{-1}}});
             }},
            {"it must have one axis of 1 to n_fft = 4 elements",
             [](SampleMaker& m) {
               return m.sample({m.tensor({8}), m.tensor({5})}, {{"n_fft", std::int64_t{4}}});
             }},
            {"center mirrors n_fft / 2 = 4 elements",
             [](SampleMaker& m) {
               return m.sample({m.tensor({4}), Tensor()}, {{"n_fft", std::int64_t{8}}});
             }},
            {"is shorter than n_fft 8", [](SampleMaker& m) {
               return m.sample({m.tensor({4}), Tensor()},
                               {{"n_fft", std::int64_t{8}}, {"center", false}});
             }}};
}

}  // namespace athanor::ops
