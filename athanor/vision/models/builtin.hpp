#pragma once

#include <string>

#include "athanor/tensor/tensor_map.hpp"

namespace athanor::vision {

/// Whether athanor brings pretrained weights for this model. It does for resnet18_slim: trained on
/// the pictures of `athanor data sample --kind pattern`, by tools/pretrain.
bool has_builtin_weights(const std::string& model);

/// These weights (f16, with a classifier for the patterns); part of the program, no file is read.
/// Throws ValueError when there are none.
TensorMap builtin_weights(const std::string& model);

}  // namespace athanor::vision
