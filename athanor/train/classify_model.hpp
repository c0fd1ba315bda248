#pragma once

#include <memory>
#include <string>

#include "athanor/train/image_classify.hpp"
#include "athanor/train/readout.hpp"

namespace athanor::train {

/// The network of a recipe with its first weights: random ones, athanor's own, or those of a file.
/// `report` says what was taken from pretrained ones. Throws RefusalError when they do not fit.
std::unique_ptr<vision::ImageModel> make_network(const ClassifyRecipe& recipe, std::string& report);

/// A readout on that network, and what it is fitted on.
std::unique_ptr<vision::ReadoutModel> make_readout(const ClassifyRecipe& recipe,
                                                   std::string& report);
ReadoutTask readout_task(const data::ImageDataset& dataset, std::span<const std::int64_t> items,
                         const ClassifyRecipe& recipe);

/// Runs a classifier's network and turns its logits into scores: [N, C, H, W] -> [N, classes].
Tensor scores_of(nn::Module& model, bool multi_label, const Tensor& pixels);

}  // namespace athanor::train
