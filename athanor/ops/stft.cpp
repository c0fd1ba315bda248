#include <cmath>

#include "athanor/ops/core/fourier.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(stft,
       "(x, window?, n_fft: integer, hop: integer, center: flag = true, normalized: flag = false) "
       "-> y") {
  op.doc =
      "The short-time Fourier transform of real signals, as torch.stft(onesided=True): frames of "
      "n_fft samples, hop apart, times the window. x: [..., L]; window: [n_fft], default ones; y: "
      "[..., n_fft / 2 + 1, frames, 2], whose last axis holds the real and the imaginary part. "
      "center: n_fft / 2 mirrored samples on both sides first. normalized: divided by sqrt(n_fft).";
  op.dtypes = kFourierDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const std::int64_t n = a.integer("n_fft"), hop = a.integer("hop");
    require(n >= 1, "stft: n_fft is {}; the least is 1", n);
    require(hop >= 1, "stft: hop is {}; the least is 1", hop);
    require<ShapeError>(!in[0].shape.empty() && in[0].shape.back() != kDynamic,
                        "stft: x must be [..., samples], not {}", describe(in[0]));
    require<ShapeError>(in[1].shape.empty() || in[1].shape == Shape{n},
                        "stft: window must have shape [{}], not {}", n, describe(in[1]));
    require<DTypeError>(in[1].shape.empty() || in[1].dtype == in[0].dtype,
                        "stft: window is {}, x is {}", describe(in[1]), describe(in[0]));
    const std::int64_t given = in[0].shape.back(),
                       length = given + (a.flag("center") ? 2 * (n / 2) : 0);
    require<ShapeError>(!a.flag("center") || given > n / 2,
                        "stft: {} samples cannot be mirrored {} far; take a smaller n_fft or "
                        "center=false",
                        given, n / 2);
    require<ShapeError>(length >= n, "stft: {} samples are less than a frame of {}", length, n);
    Shape shape = in[0].shape;
    shape.back() = n / 2 + 1;
    shape.push_back((length - n) / hop + 1);
    shape.push_back(2);
    return MetaList{{shape, in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const std::int64_t n = a.integer("n_fft"), hop = a.integer("hop");
    Tensor x = in[0];
    const auto rank = static_cast<std::size_t>(x.rank());
    if (a.flag("center") && n > 1) {
      Dims sides(rank, 0);
      sides.back() = n / 2;
      x = pad(x, sides, sides, 0, "reflect");
    }
    const std::int64_t frames = (x.dim(-1) - n) / hop + 1;
    const Tensor places = reshape(Tensor::arange(frames), {-1, 1}) *
                              Tensor::from(std::vector<std::int64_t>{hop}, {}) +
                          Tensor::arange(n);
    // [..., frames, n]
    Tensor y = index_select(x, places, -1);
    if (in[1].defined()) y = y * in[1];
    y = rfft(y, -1);
    if (a.flag("normalized")) y = y * (1 / std::sqrt(static_cast<double>(n)));
    Dims order;
    for (std::int64_t d = 0; d < y.rank(); ++d) order.push_back(d);
    std::swap(order[rank - 1], order[rank]);
    return TensorList{contiguous(permute(y, order))};
  };
  op.amp = Precision::run_f32;
  op.shard = Shard::batch;
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    const auto sizes = [](std::int64_t n, std::int64_t hop) {
      return std::pair<Attr, Attr>{n, hop};
    };
    const auto [n1, h1] = sizes(8, 3);
    const auto [n2, h2] = sizes(5, 2);
    return std::vector<Sample>{
        m.sample({m.tensor({2, 20}), m.tensor({8}, 0.1, 1)}, {{"n_fft", n1}, {"hop", h1}}),
        m.sample({m.tensor({11}), Tensor()},
                 {{"n_fft", n2}, {"hop", h2}, {"center", false}, {"normalized", true}}),
        m.sample({m.tensor({1, 2, 9}), m.tensor({5}, 0.1, 1)}, {{"n_fft", n2}, {"hop", h2}})};
  };
  op.bad = {{"stft: window must have shape [4]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({9}), m.tensor({3})},
                               {{"n_fft", std::int64_t{4}}, {"hop", std::int64_t{1}}});
             }},
            {"cannot be mirrored 4 far",
             [](SampleMaker& m) {
               return m.sample({m.tensor({3}), Tensor()},
                               {{"n_fft", std::int64_t{8}}, {"hop", std::int64_t{1}}});
             }},
            {"3 samples are less than a frame of 8",
             [](SampleMaker& m) {
               return m.sample(
                   {m.tensor({3}), Tensor()},
                   {{"n_fft", std::int64_t{8}}, {"hop", std::int64_t{1}}, {"center", false}});
             }},
            {"hop is 0", [](SampleMaker& m) {
               return m.sample({m.tensor({3}), Tensor()},
                               {{"n_fft", std::int64_t{2}}, {"hop", std::int64_t{0}}});
             }}};
}

}  // namespace athanor::ops
