#pragma once

#include <span>
#include <vector>

#include "athanor/base/philox.hpp"

namespace athanor::vision {

/// How the pictures of a batch are mixed with each other: picture i with picture partner[i].
struct Mix {
  float lambda = 1;          ///< the share of picture i itself in its target
  std::vector<int> partner;  ///< a permutation
  /// The rectangle that comes from the partner; without area (mixup) whole pictures are blended.
  int x = 0, y = 0, width = 0, height = 0;
};

/// mixup (Zhang et al. 2018): lambda ~ Beta(alpha, alpha), a random permutation. alpha > 0.
Mix draw_mixup(int batch, float alpha, Random& random);

/// CutMix (Yun et al. 2019): a rectangle with about 1 - lambda of the area; `lambda` becomes the
/// exact share that is left.
Mix draw_cutmix(int batch, int width, int height, float alpha, Random& random);

/// in, out: [batch, height, width, channels]; they must not overlap.
void apply_mix(const Mix& mix, std::span<const float> in, std::span<float> out, int height,
               int width, int channels);

/// in, out: [batch, classes] probabilities; out[i] = lambda in[i] + (1 - lambda) in[partner[i]].
void mix_targets(const Mix& mix, std::span<const float> in, std::span<float> out, int classes);

}  // namespace athanor::vision
