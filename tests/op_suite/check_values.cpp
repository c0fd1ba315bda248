#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"
#include "suite.hpp"

namespace athanor::op_suite {

namespace {

void compare(const Call& call, const TensorList& actual, const TensorList& expected,
             const char* what, Report& report) {
  if (actual.size() != expected.size()) {
    report.fail(call.name(), "{} gives {} outputs, its meaning gives {}", what, actual.size(),
                expected.size());
    return;
  }
  for (std::size_t i = 0; i < actual.size(); ++i) {
    report.checked();
    const std::string d = difference(call, actual[i], expected[i]);
    if (!d.empty()) report.fail(call.name(), "{}, output {}: {}", what, i, d);
  }
}

void check_metas(const Call& call, const TensorList& outputs, Report& report) {
  SmallVector<TensorMeta, 4> metas;
  for (const Tensor& t : call.sample.inputs) metas.push_back(meta_of(t));
  const MetaList inferred = infer(call.op, metas, call.sample.attrs);
  report.checked();
  const auto& declared = call.op.signature.outputs;
  const bool variadic = declared.back().ends_with("...");
  if (inferred.size() != outputs.size() || (!variadic && outputs.size() != declared.size())) {
    report.fail(call.name(), "{} outputs come, infer says {}, the signature {}", outputs.size(),
                inferred.size(), declared.size());
    return;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (!(outputs[i].shape() == inferred[i].shape) || outputs[i].dtype() != inferred[i].dtype)
      report.fail(call.name(), "output {} is {}, infer says {}{}", i, describe(outputs[i]),
                  name_of(inferred[i].dtype), to_string(inferred[i].shape));
}

}  // namespace

void check_values(const Call& call, Report& report) {
  const NoGrad no_grad;
  std::vector<std::vector<std::uint8_t>> before;
  for (const Tensor& t : call.sample.inputs)
    before.push_back(t.defined() ? t.to_bytes() : std::vector<std::uint8_t>());
  const TensorList outputs = call.run();
  check_metas(call, outputs, report);
  for (std::size_t i = 0; i < before.size(); ++i)
    if (call.sample.inputs[i].defined() && call.sample.inputs[i].to_bytes() != before[i])
      report.fail(call.name(), "input {} was changed", i);
  compare(call, outputs, reference(call.op, call.sample.inputs, call.sample.attrs), "the value",
          report);
}

void check_small_shapes(const Call& call, Report& report) {
  // Ops with shape rules of their own have such samples; a formula takes any shape.
  if (!call.op.pointwise()) return;
  const NoGrad no_grad;
  TensorList scalars, nothing;
  for (const Tensor& t : call.sample.inputs) {
    nothing.push_back(Tensor::empty({0}, t.dtype()));
    if (t.count() == 0) continue;
    scalars.push_back(Tensor::empty({}, t.dtype()));
    scalars.back().copy_from(t.view_as({}, {}, t.offset()));
  }
  const TensorList empty = call.run(nothing);
  report.checked();
  if (!(empty[0].shape() == Shape{0}))
    report.fail(call.name(), "empty inputs give {}", describe(empty[0]));
  if (scalars.size() == call.sample.inputs.size())
    compare(call, call.run(scalars), reference(call.op, scalars, call.sample.attrs),
            "the value of rank 0", report);
}

void check_refusals(const OpDef& op, Report& report) {
  DType dtype = DType::f32;
  for (DType d : kAllDTypes)
    if (!contains(op.dtypes, dtype) && contains(op.dtypes, d)) dtype = d;
  for (std::size_t i = 0; i < op.bad.size(); ++i) {
    const std::string where = fmt::format("{}, refusal {}", op.name, i);
    SampleMaker maker(op, dtype, 5);
    const Sample sample = op.bad[i].make(maker);
    report.checked();
    try {
      (void)dispatch(op, sample.inputs, sample.attrs);
      report.fail(where, "the call was accepted; '{}' was expected", op.bad[i].expected);
    } catch (const InternalError& error) {
      report.fail(where, "refused as an internal error: {}", error.what());
    } catch (const Error& error) {
      const std::string text = error.what();
      if (text.find(op.bad[i].expected) == std::string::npos)
        report.fail(where, "'{}' does not say '{}'", text, op.bad[i].expected);
      if (text.find(op.name) == std::string::npos)
        report.fail(where, "'{}' does not name the op", text);
    }
  }
}

void check_edges(const OpDef& op, Report& report) {
  if (op.edges.empty()) return;
  if (!op.formula || op.formula.arity() != 1) {
    report.fail(std::string(op.name), "edges are for unary pointwise ops");
    return;
  }
  for (DType dtype : {DType::f16, DType::bf16, DType::f32, DType::f64}) {
    if (!contains(op.dtypes, dtype)) continue;
    const std::vector<Call> samples = calls(op, dtype);
    const Attrs& attrs = samples[0].sample.attrs;
    const Expr formula = op.formula(attrs), slope = derivative(formula, 0);
    // Long enough for whole vectors and a rest.
    std::vector<double> values;
    for (int round = 0; round < 9; ++round)
      values.insert(values.end(), op.edges.begin(), op.edges.end());
    const Tensor x =
        copy_of(Tensor::from(values, {static_cast<std::int64_t>(values.size())}), dtype);
    const auto in = x.to_vector<double>();
    const bool has_gradient = op.no_gradient.empty();
    if (has_gradient) x.set_requires_grad();
    const Tensor y = std::move(dispatch(op, std::vector<Tensor>{x}, attrs)[0]);
    const auto out = y.to_vector<double>();
    std::vector<double> gradient(in.size());
    if (has_gradient && y.requires_grad()) {
      const Tensor ones = Tensor::ones(y.shape(), y.dtype());
      const Tensor slope_of_x = autograd::grad(std::vector<Tensor>{y}, std::vector<Tensor>{x},
                                               std::vector<Tensor>{ones})[0];
      if (slope_of_x.defined()) gradient = slope_of_x.to_vector<double>();  // else it is 0
    }
    const double allowed = (dtype == DType::f64   ? 1e-13
                            : dtype == DType::f32 ? 4e-6
                            : dtype == DType::f16 ? 2e-3
                                                  : 1.6e-2) *
                           op.tolerance;
    // Below the smallest normal number results may be flushed to 0.
    const double tiny = dtype == DType::f64 ? 2.3e-308 : dtype == DType::f16 ? 6.2e-5 : 1.2e-38;
    for (std::size_t i = 0; i < in.size(); ++i) {
      report.checked();
      const std::string where = fmt::format("{}({:.9g}), {}", op.name, in[i], name_of(dtype));
      const double exact = evaluate(formula, std::vector<double>{in[i]});
      const double expected =
          copy_of(Tensor::from(std::vector<double>{exact}, {}), y.dtype()).item();
      if (std::isnan(out[i]) != std::isnan(exact)) {
        report.fail(where, "is {}, not {:.9g}", out[i], exact);
      } else if (!std::isnan(exact) && out[i] != expected &&
                 std::fabs(out[i] - exact) > allowed * std::fabs(exact) + tiny) {
        report.fail(where, "is {:.9g}, not {:.9g} (allowed relative error {:.1e})", out[i], exact,
                    allowed);
      }
      if (!has_gradient) continue;
      const double exact_slope = evaluate(slope, std::vector<double>{in[i]});
      if (std::isnan(gradient[i]) && std::isfinite(exact_slope))
        report.fail(where, "has the gradient NaN, not {:.9g}", exact_slope);
    }
  }
}

}  // namespace athanor::op_suite
