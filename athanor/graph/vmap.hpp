#pragma once

#include <functional>
#include <span>

#include "athanor/op/op.hpp"

namespace athanor::graph {

struct VmapOptions {
  /// For each input the axis that holds the examples, kWhole: every example sees all of it. One
  /// axis serves all; default: 0.
  Dims in_axes = {};
  /// For each output the axis where the examples go. One serves all; default: 0.
  Dims out_axes = {};
};
inline constexpr std::int64_t kWhole = std::numeric_limits<std::int64_t>::min();

/// Runs a function of one example on many at once. The function is captured on one symbolic
/// example, then each of its calls runs for all: by the rule in the op's record (op.batching), or
/// example after example where the record has none. Gradients flow, into tensors that the function
/// captured too, and vmap nests with grad, vjp, jvp and itself.
///
/// Throws ShapeError when the axes differ in size or there are none, ValueError for an op that
/// draws random numbers and for a function that reads the values of its inputs.
TensorList vmap(const std::function<TensorList(const TensorList&)>& function,
                std::span<const Tensor> inputs, const VmapOptions& options = {});

/// One call for a batch: `batched[i]` says whether input i has the extra axis in front. Every
/// output has it. `example`: the inputs of one call. Exposed for the op suite.
TensorList batched_call(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                        std::span<const bool> batched, std::int64_t size);

}  // namespace athanor::graph
