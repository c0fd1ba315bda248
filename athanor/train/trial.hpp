#pragma once

#include "athanor/train/image_classify.hpp"

namespace athanor::train {

/// Lets a readout and the whole network learn from three quarters of the training pictures and
/// compares them on the last quarter; the network gets at most `seconds`, and stops as soon as it
/// is the better one. The readout, which costs little, sees pictures of `head_side`, the network
/// those of recipe.preprocess. Sets recipe.tune (and the size) to the better one, the readout if
/// equal, and says why in recipe.reasons. Stopped by options.stop it leaves Tune::all.
void try_tunes(ClassifyRecipe& recipe, int head_side, const data::ImageDataset& dataset,
               const data::Split& split, double seconds, const ClassifyOptions& options);

}  // namespace athanor::train
