#pragma once

#include "athanor/op/op.hpp"

// What stft and istft share.
namespace athanor::ops {

struct Spectrogram {
  std::int64_t size, hop;  ///< n_fft; hop's default is a quarter of it
  bool center, normalized, onesided;

  std::int64_t bins() const { return onesided ? size / 2 + 1 : size; }
  /// What center puts around the signal on each side.
  std::int64_t margin() const { return center ? size / 2 : 0; }
  std::int64_t joined(std::int64_t frames) const { return (frames - 1) * hop + size; }
};

/// Throws ValueError for sizes that do not fit, ShapeError for a window that is not [1 ... n_fft].
Spectrogram spectrogram_of(std::string_view op, const TensorMeta& window, bool has_window,
                           const Attrs& a);

/// The window in the middle of n_fft elements, or ones without one.
Tensor whole_window(const Spectrogram& s, const Tensor& window, DType dtype);

/// [frames * n_fft]: which element of the signal each element of each frame is.
Tensor frame_places(const Spectrogram& s, std::int64_t frames);

}  // namespace athanor::ops
