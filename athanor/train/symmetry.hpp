#pragma once

#include <cstdint>

#include "athanor/train/pictures.hpp"

namespace athanor::train {

/// Which mirrored pictures could be pictures of the same kind.
struct Symmetry {
  bool horizontal = false;  ///< left and right may be exchanged
  bool vertical = false;    ///< top and bottom may be exchanged
  /// How often a small network told a mirrored picture from an original that it had not seen; 0.5
  /// is chance.
  double horizontal_accuracy = 0;
  double vertical_accuracy = 0;
};

/// Decides by the pictures alone, without looking at labels: a small network is trained to tell
/// mirrored pictures from originals. Where it does no better than a little above chance on pictures
/// that it has not seen, mirrored pictures belong to the same world and mirroring is a safe
/// augmentation (a metal surface); where it succeeds (digits, text, faces upside down) it is not.
/// With fewer than 60 pictures there is nothing to learn from: horizontal only. Takes some seconds;
/// a pure function of (pictures, seed).
Symmetry find_symmetry(const PictureCache& pictures, std::uint64_t seed);

}  // namespace athanor::train
