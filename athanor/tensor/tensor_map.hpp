#pragma once

#include <map>
#include <string>

#include "athanor/tensor/tensor.hpp"

namespace athanor {

/// Tensors by name, in the order of the names: a model's state, the content of a weights file.
using TensorMap = std::map<std::string, Tensor>;

}  // namespace athanor
