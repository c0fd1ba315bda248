#include <algorithm>
#include <cmath>

#include "athanor/ops/core/fourier.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/spectrogram.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// Pieces [..., pieces * n_fft] added up where they stand in the signal.
Tensor overlap_add(const Spectrogram& s, const Tensor& pieces, std::int64_t frames) {
  Shape shape = pieces.shape();
  shape.back() = s.joined(frames);
  return index_add(Tensor::zeros(shape, pieces.dtype()), frame_places(s, frames), pieces, -1);
}

}  // namespace

ATH_OP(istft,
       "(x, window?, n_fft: integer, hop: integer = 0, center: flag = true, normalized: flag = "
       "false, onesided: flag = true, length: integer = 0) -> y") {
  op.doc =
      "The signal of a spectrogram, the inverse of stft with the same window, n_fft, hop, center, "
      "normalized and onesided: the pieces are added up with the window and divided by the sum of "
      "its squares (Griffin and Lim 1984). x: [..., bins, pieces, 2], y: [..., L], whose ends "
      "center cuts off; of a whole spectrum the first n_fft / 2 + 1 bins are read; length: that "
      "many elements instead, 0 behind the end. An element that no "
      "window reaches is 0.";
  op.dtypes = kFourierDTypes;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    const TensorMeta& x = in[0];
    const bool has_window = !in[1].shape.empty();
    if (has_window) require_same_dtype("istft", "x", x, "window", in[1]);
    const Spectrogram s = spectrogram_of("istft", in[1], has_window, a);
    const std::size_t rank = x.shape.size();
    require<ShapeError>(rank >= 3 && x.shape[rank - 1] == 2 && x.shape[rank - 3] == s.bins() &&
                            x.shape[rank - 2] >= 1,
                        "istft: x is {}; for n_fft {} it must be [..., {}, pieces, 2]", describe(x),
                        s.size, s.bins());
    const std::int64_t length = a.integer("length");
    const std::int64_t whole = s.joined(x.shape[rank - 2]) - 2 * s.margin();
    require(length >= 0, "istft: length is {}; it must be at least 0", length);
    require<ShapeError>(length > 0 || whole > 0,
                        "istft: the {} pieces of x {} leave no signal when center cuts n_fft / 2 = "
                        "{} elements off both ends",
                        x.shape[rank - 2], describe(x), s.margin());
    Shape shape(x.shape.begin(), x.shape.end() - 3);
    shape.push_back(length > 0 ? length : whole);
    return MetaList{{shape, x.dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor& x = in[0];
    const Spectrogram s = spectrogram_of("istft", {}, false, a);
    const std::int64_t lead = x.rank() - 3, frames = x.dim(lead + 1);
    Dims order;
    for (std::int64_t i = 0; i < lead; ++i) order.push_back(i);
    for (const std::int64_t i : {lead + 1, lead, lead + 2}) order.push_back(i);
    const Tensor turned = permute(x, order);
    // The other bins of a whole spectrum are the conjugates.
    const Tensor half = s.onesided ? turned : slice(turned, lead + 1, 0, s.size / 2 + 1);
    Tensor pieces = irfft(half, s.size, -2);
    if (s.normalized) pieces = pieces * std::sqrt(static_cast<double>(s.size));
    const Tensor window = whole_window(s, in[1], x.dtype());
    Shape flat(x.shape().begin(), x.shape().end() - 3);
    flat.push_back(frames * s.size);
    Tensor y = overlap_add(s, reshape(pieces * window, flat), frames);
    const Tensor squares = overlap_add(
        s, reshape(expand(window * window, {frames, s.size}), {frames * s.size}), frames);
    const Tensor reached = gt(squares, number_like(1e-11, squares));
    y = where(reached, y, number_like(0, y)) / where(reached, squares, number_like(1, squares));
    const std::int64_t length = a.integer("length"), whole = s.joined(frames);
    const std::int64_t end = length > 0 ? std::min(whole, s.margin() + length) : whole - s.margin();
    y = slice(y, lead, std::min(s.margin(), end), end);
    if (length > y.dim(lead)) {
      Dims none(static_cast<std::size_t>(lead) + 1, 0), more = none;
      more.back() = length - y.dim(lead);
      y = pad(y, none, more);
    }
    return TensorList{contiguous(y)};
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 5, 4, 2}), m.tensor({8}, 0.5, 1)}, {{"n_fft", std::int64_t{8}}}),
        m.sample({m.tensor({4, 3, 2}), Tensor()},
                 {{"n_fft", std::int64_t{6}}, {"hop", std::int64_t{3}}, {"normalized", true}}),
        m.sample({m.tensor({1, 4, 3, 2}), m.tensor({7}, 0.5, 1)},
                 {{"n_fft", std::int64_t{7}}, {"hop", std::int64_t{2}}, {"center", false}}),
        m.sample({m.tensor({2, 5, 3, 2}), m.tensor({5}, 0.5, 1)},
                 {{"n_fft", std::int64_t{5}}, {"hop", std::int64_t{2}}, {"onesided", false}}),
        m.sample({m.tensor({3, 4, 2}), m.tensor({4}, 0.5, 1)},
                 {{"n_fft", std::int64_t{4}}, {"length", std::int64_t{9}}})};
  };
  op.bad = {{"it must be [..., 5, pieces, 2]",
             [](SampleMaker& m) {
               return m.sample({m.tensor({4, 3, 2}), Tensor()}, {{"n_fft", std::int64_t{8}}});
             }},
            {"istft: length is -1",
             [](SampleMaker& m) {
               return m.sample({m.tensor({5, 3, 2}), Tensor()},
                               {{"n_fft", std::int64_t{8}}, {"length", std::int64_t{-1}}});
             }},
            {"leave no signal", [](SampleMaker& m) {
               return m.sample({m.tensor({5, 1, 2}), Tensor()}, {{"n_fft", std::int64_t{8}}});
             }}};
}

}  // namespace athanor::ops
