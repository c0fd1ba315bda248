#pragma once

#include "athanor/op/op.hpp"

// What the records of the recurrent ops share. Sequences are [time, batch, ...].
namespace athanor::ops {

/// The sizes of a scan.
struct ScanShape {
  std::int64_t steps = 0, batch = 0, hidden = 0;
};

/// Checks gates [T, N, parts H], weight [parts H, H] and the states [N, H] that follow; all of one
/// dtype. Throws ShapeError, DTypeError.
ScanShape check_scan(const OpDef& op, const TensorMeta& gates, const TensorMeta& weight,
                     std::span<const TensorMeta> states, std::int64_t parts);
/// Checks lengths [N], i64, if there are any.
void check_lengths(const OpDef& op, const TensorMeta& lengths, std::int64_t batch);

/// The steps in the order of the scan.
class ScanOrder {
 public:
  ScanOrder(std::int64_t steps, bool reverse) : steps_(steps), reverse_(reverse) {}
  std::int64_t operator[](std::int64_t i) const { return reverse_ ? steps_ - 1 - i : i; }
  std::int64_t steps() const { return steps_; }

 private:
  std::int64_t steps_;
  bool reverse_;
};

/// Step t of [T, ...].
Tensor step_of(const Tensor& sequence, std::int64_t t);
/// [N, 1]: whether step t lies within each sequence; undefined when all are whole.
Tensor alive_at(const Tensor& lengths, std::int64_t t);
/// `a` where alive, else `b`; `a` when alive is undefined.
Tensor alive_or(const Tensor& alive, const Tensor& a, const Tensor& b);
/// The sequence of states before each step: [T, N, H].
Tensor states_before(const Tensor& states, const Tensor& first, bool reverse);
/// The gradient by the weight: the sum over all steps of gradient^T state.
Tensor recurrent_weight_grad(const Tensor& gates_grad, const Tensor& before);
/// The state after the last step of the scan: [N, H].
Tensor last_state(const Tensor& states, bool reverse);
/// y with zeros behind the end of each sequence.
Tensor without_padding(const Tensor& y, const Tensor& lengths);
/// Sequences of several lengths for samples: [N].
Tensor sample_lengths(std::int64_t steps, std::int64_t batch);

/// Checks a layer: x [T, N, I], weight_ih [parts H, I], weight_hh [parts H, H], two biases [parts
/// H], `states` states [N, H] and lengths [N], all behind weight_hh optional.
ScanShape check_recurrent(const OpDef& op, std::span<const TensorMeta> in, std::int64_t parts,
                          std::size_t states);
std::vector<BadSample> bad_recurrent(const std::string& op, std::int64_t parts, std::size_t states);

/// ONNX keeps the gates in another order: `order[i]` is the part of ours that stands at place i of
/// `x`: [parts H, ...].
Tensor reordered_gates(const Tensor& x, std::span<const std::int64_t> order);

/// A layer of one direction, read from a node.
struct RecurrentLayer {
  Tensor x, weight_ih, weight_hh, bias_ih, bias_hh, states[2], lengths;
  bool reverse = false;
};
/// A call of lstm or gru as an ONNX node; `order`: as reordered_gates.
OnnxNames write_recurrent(OnnxWriter& w, const OnnxCall& call, const std::string& type,
                          std::span<const std::int64_t> order, OnnxAttrs attrs);
/// An ONNX node with one or two directions. Throws UnsupportedError for activations other than
/// `activations`.
TensorList read_recurrent(const OnnxReader& node, const std::vector<std::string>& activations,
                          std::span<const std::int64_t> order, std::size_t states,
                          const std::function<SmallVector<Tensor, 3>(const RecurrentLayer&)>& run);

}  // namespace athanor::ops
