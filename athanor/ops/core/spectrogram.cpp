#include "athanor/ops/core/spectrogram.hpp"

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

Spectrogram spectrogram_of(std::string_view op, const TensorMeta& window, bool has_window,
                           const Attrs& a) {
  Spectrogram s{a.integer("n_fft"), a.integer("hop"), a.flag("center"), a.flag("normalized"),
                a.flag("onesided")};
  require(s.size >= 1 && s.size <= (std::int64_t{1} << 30),
          "{}: n_fft is {}; it must be in [1, 2^30]", op, s.size);
  if (s.hop == 0) s.hop = s.size / 4;
  require(s.hop >= 1 && s.hop <= (std::int64_t{1} << 30),
          "{}: hop is {}; it must be in [1, 2^30], or 0 for a quarter of n_fft {}", op, s.hop,
          s.size);
  if (has_window)
    require<ShapeError>(
        window.shape.size() == 1 && window.shape[0] >= 1 && window.shape[0] <= s.size,
        "{}: window is {}; it must have one axis of 1 to n_fft = {} elements", op, describe(window),
        s.size);
  return s;
}

Tensor whole_window(const Spectrogram& s, const Tensor& window, DType dtype) {
  if (!window.defined()) return Tensor::ones({s.size}, dtype);
  require<ShapeError>(window.rank() == 1, "stft: window is a number; it must have one axis");
  const std::int64_t rest = s.size - window.dim(0);
  return rest == 0 ? window : pad(window, {rest / 2}, {rest - rest / 2});
}

Tensor frame_places(const Spectrogram& s, std::int64_t frames) {
  const Tensor places = Tensor::empty({frames * s.size}, DType::i64);
  std::int64_t* out = places.data<std::int64_t>();
  for (std::int64_t i = 0; i < frames * s.size; ++i) out[i] = i / s.size * s.hop + i % s.size;
  return places;
}

}  // namespace athanor::ops
