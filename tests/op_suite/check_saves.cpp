#include "athanor/autograd/autograd.hpp"
#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"
#include "suite.hpp"

namespace athanor::op_suite {

namespace {

/// Hands a gradient function everything and writes down what it takes.
class RecordingVjp final : public Vjp {
 public:
  RecordingVjp(const Call& call) : call_(call), outputs_(call.run()) {
    for (const Tensor& t : call.sample.inputs) metas_.push_back(meta_of(t));
  }
  const Tensor& input(int i) const override {
    read_.inputs_mask |= 1u << i;
    return call_.sample.inputs[static_cast<std::size_t>(i)];
  }
  const Tensor& output(int i) const override {
    read_.outputs_mask |= 1u << i;
    return outputs_[static_cast<std::size_t>(i)];
  }
  Tensor grad(int i) const override {
    const Tensor& y = outputs_[static_cast<std::size_t>(i)];
    return noise(y.shape(), y.dtype(), static_cast<std::uint64_t>(i));
  }
  bool has_grad(int i) const override {
    return is_floating(outputs_[static_cast<std::size_t>(i)].dtype());
  }
  bool needs(int i) const override {
    const Tensor& x = call_.sample.inputs[static_cast<std::size_t>(i)];
    return x.defined() && is_floating(x.dtype());
  }
  const TensorMeta& meta(int i) const override { return metas_[static_cast<std::size_t>(i)]; }
  int input_count() const override { return static_cast<int>(metas_.size()); }
  int output_count() const override { return static_cast<int>(outputs_.size()); }
  const Attrs& attrs() const override { return call_.sample.attrs; }

  Saves read() const { return read_; }
  std::size_t outputs() const { return outputs_.size(); }

 private:
  const Call& call_;
  TensorList outputs_;
  SmallVector<TensorMeta, 4> metas_;
  mutable Saves read_;
};

void mark_arguments(const Expr& e, std::uint32_t& mask) {
  if (e.op() == ScalarOp::argument) mask |= 1u << e.index();
  for (int i = 0; i < operand_count(e.op()); ++i) mark_arguments(e.operand(i), mask);
}

// The inputs that the gradient of this very call reads.
std::uint32_t read_inputs(const Call& call) {
  const NoGrad no_grad;
  if (call.op.vjp) {
    const RecordingVjp v(call);
    (void)call.op.vjp(v);
    return v.read().inputs_mask & call.op.saves.inputs_mask;
  }
  std::uint32_t mask = 0;
  const Expr formula = call.op.formula(call.sample.attrs);
  for (std::size_t i = 0; i < call.sample.inputs.size(); ++i)
    if (is_floating(call.sample.inputs[i].dtype()))
      mark_arguments(derivative(formula, static_cast<int>(i)), mask);
  return mask;
}

bool has_floating_input(const Call& call) {
  for (const Tensor& t : call.sample.inputs)
    if (t.defined() && is_floating(t.dtype())) return true;
  return false;
}

}  // namespace

void check_saves(const OpDef& op, Report& report) {
  DType dtype = DType::f64;
  if (!op.vjp || !gradient_dtype(op, dtype)) return;
  Saves read;
  std::uint32_t inputs = 0, outputs = 0;
  for (const Call& call : calls(op, dtype)) {
    if (!has_floating_input(call)) continue;
    const NoGrad no_grad;
    const RecordingVjp v(call);
    (void)op.vjp(v);
    read = read | v.read();
    for (std::size_t i = 0; i < call.sample.inputs.size() && i < 32; ++i)
      if (call.sample.inputs[i].defined()) inputs |= 1u << i;
    for (std::size_t i = 0; i < v.outputs(); ++i) outputs |= 1u << i;
  }
  report.checked(2);
  const std::string where(op.name);
  for (int i = 0; i < 32; ++i) {
    const auto bit = [i](std::uint32_t mask) { return (mask >> i) & 1u; };
    const char* undeclared = "its gradient reads {} {}, which is not declared in saves";
    const char* unread = "saves declares {} {}, which its gradient never reads";
    if (bit(read.inputs_mask) && !bit(op.saves.inputs_mask))
      report.fail(where, "{}", fmt::format(fmt::runtime(undeclared), "input", i));
    if (bit(read.outputs_mask) && !bit(op.saves.outputs_mask))
      report.fail(where, "{}", fmt::format(fmt::runtime(undeclared), "output", i));
    if (bit(inputs) && bit(op.saves.inputs_mask) && !bit(read.inputs_mask))
      report.fail(where, "{}", fmt::format(fmt::runtime(unread), "input", i));
    if (bit(outputs) && bit(op.saves.outputs_mask) && !bit(read.outputs_mask))
      report.fail(where, "{}", fmt::format(fmt::runtime(unread), "output", i));
  }
}

void check_overwritten(const Call& call, Report& report) {
  // A gradient that is the lowering's belongs to the ops of the lowering.
  if (!call.op.no_gradient.empty() || (!call.op.vjp && !call.op.formula)) return;
  if (!has_floating_input(call) || !is_floating(call.dtype)) return;
  const std::uint32_t read = read_inputs(call);
  for (std::size_t i = 0; i < call.sample.inputs.size() && i < 32; ++i) {
    if (!((read >> i) & 1u) || !call.sample.inputs[i].defined()) continue;
    TensorList inputs, leaves;
    for (const Tensor& t : call.sample.inputs) {
      inputs.push_back(copy_of(t));
      if (t.defined() && is_floating(t.dtype())) {
        inputs.back().set_requires_grad();
        leaves.push_back(inputs.back());
      }
    }
    TensorList outputs, weights;
    for (const Tensor& y : call.run(inputs)) {
      if (!y.requires_grad()) continue;
      outputs.push_back(y);
      weights.push_back(Tensor::ones(y.shape(), y.dtype()));
    }
    if (outputs.empty()) return;
    inputs[i].copy_from(copy_of(inputs[i]));
    report.checked();
    try {
      (void)autograd::grad(outputs, leaves, weights);
      report.fail(call.name(), "input {} was overwritten before the gradient and nobody noticed",
                  i);
    } catch (const ValueError& error) {
      if (std::string_view(error.what()).find("was overwritten") == std::string_view::npos)
        report.fail(call.name(), "overwriting input {} was reported as '{}'", i, error.what());
    }
  }
}

}  // namespace athanor::op_suite
