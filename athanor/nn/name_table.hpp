#pragma once

#include <span>
#include <string>
#include <vector>

#include "athanor/tensor/tensor_map.hpp"

namespace athanor::nn {

/// One line of a table between the names of a weight file and a module's.
struct NameRule {
  std::string theirs;             ///< "h.*.attn.c_attn.weight": each * stands for one part
  std::vector<std::string> ours;  ///< "layers.*.query.weight" ...; several: the tensor is split
                                  ///< into equal parts along its first axis; none: it is dropped
  bool transpose = false;         ///< a matrix kept as [in, out]; turned before it is split
};

/// The tensors under the module's names: each goes by the first rule that fits its name without one
/// of the prefixes; the others keep their name. Throws FormatError for a tensor that cannot be
/// turned or split, and for two of one name. Nothing is copied that needs no change.
TensorMap translate_names(const TensorMap& weights, std::span<const NameRule> rules,
                          std::span<const std::string> prefixes = {});

}  // namespace athanor::nn
