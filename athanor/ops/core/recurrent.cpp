#include "athanor/ops/core/recurrent.hpp"

#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ScanShape check_scan(const OpDef& op, const TensorMeta& gates, const TensorMeta& weight,
                     std::span<const TensorMeta> states, std::int64_t parts) {
  require<ShapeError>(gates.shape.size() == 3 && weight.shape.size() == 2,
                      "{}: {} must be [time, batch, {} H] and weight [{} H, H], not {} and {}",
                      op.name, op.signature.inputs[0].name, parts, parts, to_string(gates.shape),
                      to_string(weight.shape));
  require<ShapeError>(!is_dynamic(gates.shape),
                      "{}: the number of steps of {} is known only at run time; give it a shape",
                      op.name, to_string(gates.shape));
  const ScanShape s{gates.shape[0], gates.shape[1], weight.shape[1]};
  require<ShapeError>(weight.shape[0] == parts * s.hidden,
                      "{}: weight is {}; for {} hidden units it must be [{}, {}]", op.name,
                      to_string(weight.shape), s.hidden, parts * s.hidden, s.hidden);
  require<ShapeError>(gates.shape[2] % s.hidden == 0 && gates.shape[2] / s.hidden >= parts,
                      "{}: {} is {}; its last axis must be {} times the {} hidden units of weight",
                      op.name, op.signature.inputs[0].name, to_string(gates.shape), parts,
                      s.hidden);
  require<ShapeError>(s.steps >= 1, "{}: there are no steps in {}", op.name,
                      to_string(gates.shape));
  require<DTypeError>(weight.dtype == gates.dtype, "{}: weight is {}, the gates are {}", op.name,
                      name_of(weight.dtype), name_of(gates.dtype));
  for (const TensorMeta& state : states) {
    require<ShapeError>(state.shape == (Shape{s.batch, s.hidden}),
                        "{}: a state is {}; for {} sequences and {} hidden units it must be {}",
                        op.name, to_string(state.shape), s.batch, s.hidden,
                        to_string(Shape{s.batch, s.hidden}));
    require<DTypeError>(state.dtype == gates.dtype, "{}: a state is {}, the gates are {}", op.name,
                        name_of(state.dtype), name_of(gates.dtype));
  }
  return s;
}

void check_lengths(const OpDef& op, const TensorMeta& lengths, std::int64_t batch) {
  if (lengths.shape.empty() && lengths.dtype != DType::i64) return;  // left out
  require<DTypeError>(lengths.dtype == DType::i64, "{}: lengths is {}; it must be i64", op.name,
                      name_of(lengths.dtype));
  require<ShapeError>(lengths.shape == Shape{batch},
                      "{}: lengths is {}; for {} sequences it must be [{}]", op.name,
                      to_string(lengths.shape), batch, batch);
}

Tensor step_of(const Tensor& sequence, std::int64_t t) {
  return squeeze(slice(sequence, 0, t, t + 1, 1), {0});
}

Tensor alive_at(const Tensor& lengths, std::int64_t t) {
  if (!lengths.defined()) return {};
  return unsqueeze(gt(lengths, Tensor::scalar(static_cast<double>(t), DType::i64)), {1});
}

Tensor alive_or(const Tensor& alive, const Tensor& a, const Tensor& b) {
  return alive.defined() ? where(alive, a, b) : a;
}

Tensor states_before(const Tensor& states, const Tensor& first, bool reverse) {
  const std::int64_t steps = states.dim(0);
  const Tensor front = unsqueeze(first, {0});
  if (steps == 1) return front;
  return reverse ? concat(TensorList{slice(states, 0, 1, steps, 1), front}, 0)
                 : concat(TensorList{front, slice(states, 0, 0, steps - 1, 1)}, 0);
}

Tensor recurrent_weight_grad(const Tensor& gates_grad, const Tensor& before) {
  const Tensor g = reshape(gates_grad, {-1, gates_grad.dim(2)});
  return matmul(permute(g, {1, 0}), reshape(before, {-1, before.dim(2)}));
}

Tensor last_state(const Tensor& states, bool reverse) {
  return step_of(states, reverse ? 0 : states.dim(0) - 1);
}

Tensor without_padding(const Tensor& y, const Tensor& lengths) {
  if (!lengths.defined()) return y;
  const Tensor steps = reshape(Tensor::arange(y.dim(0)), {-1, 1});
  const Tensor alive = unsqueeze(gt(lengths, steps), {2});
  return where(alive, y, Tensor::scalar(0, y.dtype()));
}

Tensor sample_lengths(std::int64_t steps, std::int64_t batch) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t n = 0; n < batch; ++n) lengths.push_back(1 + (n * 2 + steps - 1) % steps);
  return Tensor::from(lengths, {batch});
}

ScanShape check_recurrent(const OpDef& op, std::span<const TensorMeta> in, std::int64_t parts,
                          std::size_t states) {
  const Shape &x = in[0].shape, &w = in[1].shape;
  require<ShapeError>(
      x.size() == 3 && w.size() == 2,
      "{}: x must be [time, batch, features] and weight_ih [{} H, features], not {} "
      "and {}",
      op.name, parts, to_string(x), to_string(w));
  require<ShapeError>(w[1] == x[2], "{}: x is {} with {} features, weight_ih {} takes {}", op.name,
                      to_string(x), x[2], to_string(w), w[1]);
  for (std::size_t i = 1; i < 3 + 2 + states; ++i)
    require<DTypeError>(in[i].shape.empty() || in[i].dtype == in[0].dtype, "{}: {} is {}, x is {}",
                        op.name, op.signature.inputs[i].name, name_of(in[i].dtype),
                        name_of(in[0].dtype));
  SmallVector<TensorMeta, 2> given;
  for (std::size_t i = 5; i < 5 + states; ++i)
    if (!in[i].shape.empty()) given.push_back(in[i]);
  const ScanShape s = check_scan(op, {{x[0], x[1], w[0]}, in[0].dtype}, in[2], given, parts);
  for (std::size_t i = 3; i < 5; ++i)
    require<ShapeError>(in[i].shape.empty() || in[i].shape == Shape{parts * s.hidden},
                        "{}: {} is {}; it must be [{}]", op.name, op.signature.inputs[i].name,
                        to_string(in[i].shape), parts * s.hidden);
  check_lengths(op, in[5 + states], s.batch);
  return s;
}

std::vector<BadSample> bad_recurrent(const std::string& op, std::int64_t parts,
                                     std::size_t states) {
  // x, both weights, then everything that is optional left out but input `at`.
  const auto call = [=](SampleMaker& m, const Shape& x, const Shape& first, const Shape& second,
                        std::size_t at = 0, const Shape& extra = {}) {
    TensorList in{m.tensor(x), m.tensor(first), m.tensor(second)};
    in.resize(6 + states);
    if (at) in[at] = m.tensor(extra);
    return m.sample(in);
  };
  const std::int64_t rows = 2 * parts;
  return {{op + ": x is [3,2,5] with 5 features",
           [=](SampleMaker& m) { return call(m, {3, 2, 5}, {rows, 4}, {rows, 2}); }},
          {op + ": x must be [time, batch, features]",
           [=](SampleMaker& m) { return call(m, {3, 4}, {rows, 4}, {rows, 2}); }},
          {op + ": weight is",
           [=](SampleMaker& m) { return call(m, {3, 2, 4}, {rows, 4}, {rows + 1, 2}); }},
          {op + ": bias_hh is [3]",
           [=](SampleMaker& m) { return call(m, {3, 2, 4}, {rows, 4}, {rows, 2}, 4, {3}); }},
          {op + ": a state is [2,3]",
           [=](SampleMaker& m) { return call(m, {3, 2, 4}, {rows, 4}, {rows, 2}, 5, {2, 3}); }}};
}

Tensor reordered_gates(const Tensor& x, std::span<const std::int64_t> order) {
  const std::int64_t size = x.dim(0) / static_cast<std::int64_t>(order.size());
  TensorList parts;
  for (const std::int64_t part : order)
    parts.push_back(slice(x, 0, part * size, (part + 1) * size, 1));
  return concat(parts, 0);
}

namespace {

// The gates of [parts H, ...] by name in the ONNX graph, in another order and with an axis of
// directions in front.
std::string written_gates(OnnxWriter& w, const OnnxCall& call, std::size_t i,
                          std::span<const std::int64_t> order) {
  const std::int64_t size = call.input_tensors[i].dim(0) / static_cast<std::int64_t>(order.size());
  OnnxNames parts;
  for (const std::int64_t part : order)
    parts.push_back(
        w.node("Slice", {call.inputs[i], onnx_dims(w, Dims{part * size}),
                         onnx_dims(w, Dims{(part + 1) * size}), onnx_dims(w, Dims{0})}));
  return w.node("Unsqueeze",
                {w.node("Concat", parts, {{"axis", std::int64_t{0}}}), onnx_dims(w, Dims{0})});
}

std::string written_bias(OnnxWriter& w, const OnnxCall& call, std::int64_t rows,
                         std::span<const std::int64_t> order) {
  OnnxNames both;
  for (const std::size_t i : {std::size_t{3}, std::size_t{4}})
    both.push_back(call.input_tensors[i].defined()
                       ? written_gates(w, call, i, order)
                       : w.constant(Tensor::zeros({1, rows}, call.input_tensors[0].dtype())));
  return w.node("Concat", both, {{"axis", std::int64_t{1}}});
}

}  // namespace

OnnxNames write_recurrent(OnnxWriter& w, const OnnxCall& call, const std::string& type,
                          std::span<const std::int64_t> order, OnnxAttrs attrs) {
  const bool cells = type == "LSTM";
  const std::size_t lengths = cells ? 7 : 6;
  const Tensor& weight = call.input_tensors[2];
  OnnxNames inputs{call.inputs[0], written_gates(w, call, 1, order),
                   written_gates(w, call, 2, order), written_bias(w, call, weight.dim(0), order)};
  inputs.push_back(call.input_tensors[lengths].defined()
                       ? onnx_cast(w, call.inputs[lengths], DType::i64, DType::i32)
                       : std::string());
  for (std::size_t i = 5; i < lengths; ++i)
    inputs.push_back(call.input_tensors[i].defined()
                         ? w.node("Unsqueeze", {call.inputs[i], onnx_dims(w, Dims{0})})
                         : std::string());
  attrs["hidden_size"] = weight.dim(1);
  attrs["direction"] = std::string(call.attrs.flag("reverse") ? "reverse" : "forward");
  const OnnxNames outputs = w.nodes(type, inputs, attrs, cells ? 3 : 2);
  OnnxNames names{w.node("Squeeze", {outputs[0], onnx_dims(w, Dims{1})})};
  for (std::size_t i = 1; i < outputs.size(); ++i)
    names.push_back(w.node("Squeeze", {outputs[i], onnx_dims(w, Dims{0})}));
  return names;
}

TensorList read_recurrent(const OnnxReader& node, const std::vector<std::string>& activations,
                          std::span<const std::int64_t> order, std::size_t states,
                          const std::function<SmallVector<Tensor, 3>(const RecurrentLayer&)>& run) {
  const std::string direction = node.text("direction", "forward");
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1;
  require<UnsupportedError>(node.integer("layout", 0) == 0,
                            "ONNX {}: layout must be 0 (time first)", node.type());
  (void)node.integer("hidden_size", 0);  // the weights say it
  const auto named = node.texts("activations", {});
  for (std::size_t i = 0; i < named.size(); ++i)
    require<UnsupportedError>(named[i] == activations[i % activations.size()],
                              "ONNX {}: activation {} is {}; only {} is supported there",
                              node.type(), i, named[i], activations[i % activations.size()]);
  const auto part = [&](int i, std::int64_t d) {
    const Tensor t = node.input(i);
    return t.defined() ? step_of(t, d) : t;
  };
  SmallVector<Tensor, 3> found[2];
  for (std::int64_t d = 0; d < directions; ++d) {
    RecurrentLayer l;
    l.x = node.input(0);
    l.weight_ih = reordered_gates(part(1, d), order);
    l.weight_hh = reordered_gates(part(2, d), order);
    if (const Tensor bias = part(3, d); bias.defined()) {
      const std::int64_t half = bias.dim(0) / 2;
      l.bias_ih = reordered_gates(slice(bias, 0, 0, half, 1), order);
      l.bias_hh = reordered_gates(slice(bias, 0, half, 2 * half, 1), order);
    }
    if (const Tensor lengths = node.input(4); lengths.defined())
      l.lengths = cast(lengths, DType::i64);
    for (std::size_t s = 0; s < states; ++s) l.states[s] = part(5 + static_cast<int>(s), d);
    l.reverse = direction == "reverse" || d == 1;
    found[d] = run(l);
  }
  TensorList out;
  for (std::size_t i = 0; i < found[0].size(); ++i) {
    TensorList both;
    for (std::int64_t d = 0; d < directions; ++d) both.push_back(found[d][i]);
    out.push_back(stack(both, i == 0 ? 1 : 0));
  }
  return out;
}

}  // namespace athanor::ops
