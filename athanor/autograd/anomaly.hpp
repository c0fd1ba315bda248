#pragma once

#include <functional>
#include <string>

#include "athanor/op/dispatch.hpp"

namespace athanor::autograd {

/// Whether NaN is searched for: in what every recorded op returns, and in every gradient of a
/// backward pass. For finding a bug; every tensor is read once more. Default false.
bool detect_anomaly();
void set_detect_anomaly(bool on);

/// Says where an op was called (file and line); a language binding sets it. Called in anomaly mode
/// only.
void set_call_place(std::function<std::string()> place);
/// The place of the call that is made now; empty when nobody tells.
std::string call_place();

/// Throws ValueError when an output of the op has a NaN that no input had.
void check_outputs(const OpDef& op, std::span<const Tensor> inputs, const TensorList& outputs);
/// Whether a tensor of floating numbers holds a NaN.
bool has_nan(const Tensor& tensor);

}  // namespace athanor::autograd
