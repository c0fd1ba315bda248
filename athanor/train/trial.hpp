#pragma once

#include "athanor/train/image_classify.hpp"

namespace athanor::train {

/// Of two ways to train that answered the same pictures, whether the costlier one is better by more
/// than chance explains: by over two standard errors (about 2 % by chance) on the pictures on which
/// they differ, of which each is as likely to win if they are equally good (McNemar 1947). With one
/// standard error, which chance reaches in 16 % of the trials, a network was chosen that did 5 %
/// worse on new pictures. gained: pictures that only the costlier one has right; lost: only the
/// other.
bool clearly_better(std::int64_t gained, std::int64_t lost, double standard_errors = 2);

/// Lets a readout and the whole network learn from three quarters of the training pictures and
/// compares them on the last quarter. The network trains for `seconds`; it stops before only when
/// its lead is beyond doubt, and does not begin where no lead could be clear. The readout, which
/// costs little, sees pictures of `head_side`, the network those of recipe.preprocess. Sets
/// recipe.tune (and the size): the whole network where it is clearly_better, else the readout, and
/// says why in recipe.reasons. Stopped by options.stop it leaves Tune::all.
void try_tunes(ClassifyRecipe& recipe, int head_side, const data::ImageDataset& dataset,
               const data::Split& split, double seconds, const ClassifyOptions& options);

}  // namespace athanor::train
