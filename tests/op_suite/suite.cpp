#include "suite.hpp"

#include <cmath>
#include <cstring>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::op_suite {

namespace {

constexpr std::uint64_t kSeed = 11;

// Broadcasts by indices alone, so that nothing of the kernels is trusted.
std::vector<std::int64_t> offsets(const Shape& from, const Shape& to) {
  const Strides strides = contiguous_strides(from);
  const std::size_t lead = to.size() - from.size();
  std::vector<std::int64_t> out(static_cast<std::size_t>(element_count(to)));
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::int64_t rest = static_cast<std::int64_t>(i), at = 0;
    for (std::size_t d = to.size(); d-- > 0;) {
      const std::int64_t position = rest % to[d];
      rest /= to[d];
      if (d >= lead && from[d - lead] != 1) at += position * strides[d - lead];
    }
    out[i] = at;
  }
  return out;
}

TensorList evaluate_formula(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) {
  Shape shape = inputs[0].shape();
  for (const Tensor& t : inputs) shape = broadcast_shapes(shape, t.shape(), op.name);
  std::vector<std::vector<double>> values;
  std::vector<std::vector<std::int64_t>> places;
  for (const Tensor& t : inputs) {
    values.push_back(t.to_vector<double>());
    places.push_back(offsets(t.shape(), shape));
  }
  const Expr formula = op.formula(attrs);
  std::vector<double> out(static_cast<std::size_t>(element_count(shape))), x(inputs.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t k = 0; k < x.size(); ++k)
      x[k] = values[k][static_cast<std::size_t>(places[k][i])];
    out[i] = evaluate(formula, x);
  }
  return {Tensor::from(out, shape)};
}

}  // namespace

double base_tolerance(DType dtype) {
  switch (dtype) {
    case DType::f64: return 1e-11;
    case DType::f32: return 2e-5;
    case DType::f16: return 4e-3;
    case DType::bf16: return 3e-2;
    default: return 0;
  }
}

std::string Call::name() const {
  std::string inputs;
  for (const Tensor& t : sample.inputs) inputs += (inputs.empty() ? "" : ", ") + describe(t);
  if (sample.attrs.size()) inputs += (inputs.empty() ? "" : ", ") + sample.attrs.to_string();
  return fmt::format("{}, sample {}, {}: ({})", op.name, index, name_of(dtype), inputs);
}

TensorList Call::run() const { return run(sample.inputs); }
TensorList Call::run(std::span<const Tensor> inputs) const {
  TensorList outputs = dispatch(op, inputs, sample.attrs);
  for (Tensor& y : outputs)
    if (widened && (y.dtype() == DType::f16 || y.dtype() == DType::bf16))
      y = ops::cast(y, DType::f32);
  return outputs;
}

std::vector<Call> calls(const OpDef& op, DType dtype) {
  SampleMaker maker(op, dtype, kSeed);
  std::vector<Call> out;
  for (Sample& sample : op.samples(maker))
    out.push_back({op, dtype, static_cast<int>(out.size()), std::move(sample), false});
  return out;
}

void for_each_call(const OpDef& op, const std::function<void(const Call&)>& body) {
  for (DType dtype : kAllDTypes)
    if (contains(op.dtypes, dtype))
      for (const Call& call : calls(op, dtype)) body(call);
}

bool gradient_dtype(const OpDef& op, DType& dtype) {
  for (DType d : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    if (!contains(op.dtypes, d)) continue;
    dtype = d;
    return true;
  }
  return false;
}

Tensor copy_of(const Tensor& tensor) {
  return tensor.defined() ? copy_of(tensor, tensor.dtype()) : Tensor();
}

Tensor copy_of(const Tensor& tensor, DType dtype) {
  Tensor out = Tensor::empty(tensor.shape(), dtype);
  out.copy_from(tensor);
  return out;
}

TensorList reference(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) {
  TensorList wide;
  for (const Tensor& t : inputs) {
    if (!t.defined()) {
      wide.emplace_back();
    } else {
      wide.push_back(copy_of(t, is_floating(t.dtype()) ? DType::f64 : t.dtype()));
    }
  }
  const NoGrad no_grad;
  if (op.reference) return op.reference(wide, attrs);
  if (op.formula) return evaluate_formula(op, wide, attrs);
  if (op.lower) return op.lower(wide, attrs);
  return {op.view(wide[0], attrs)};
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && a.to_bytes() == b.to_bytes();
}

std::string difference(const Call& call, const Tensor& actual, const Tensor& expected,
                       DType at_best) {
  if (!(actual.shape() == expected.shape()))
    return fmt::format("the shape is {}, not {}", to_string(actual.shape()),
                       to_string(expected.shape()));
  // The expected values as the result's dtype can hold them.
  Tensor rounded = expected;
  if (!is_floating(actual.dtype())) {
    if (is_floating(expected.dtype()) && actual.dtype() != DType::boolean)
      rounded = copy_of(expected, DType::i64);
    rounded = copy_of(rounded, actual.dtype());
  } else if (actual.dtype() != DType::f64) {
    rounded = copy_of(copy_of(expected, actual.dtype()), DType::f64);
  }
  const auto a = actual.to_vector<double>(), b = rounded.to_vector<double>();
  double largest = 0;
  for (double v : b)
    if (std::isfinite(v)) largest = std::max(largest, std::fabs(v));
  const double scale = call.op.pointwise() ? 0.05 : std::max(largest, 0.1);
  // An f64 output of f32 inputs (a mean that is kept for the gradient) is computed in f32.
  double precision = 0;
  if (is_floating(actual.dtype()))
    for (DType d : {actual.dtype(), call.dtype, at_best})
      precision = std::max(precision, base_tolerance(d));
  const double allowed = precision * call.op.tolerance;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const double error = std::fabs(a[i] - b[i]);
    if (error <= allowed * std::max(std::fabs(b[i]), scale)) continue;
    return fmt::format("element {} of {} is {:.9g}, not {:.9g} (allowed relative error {:.1e})", i,
                       describe(actual), a[i], b[i], allowed);
  }
  return {};
}

Tensor noise(const Shape& shape, DType dtype, std::uint64_t stream) {
  Random random({kSeed, 1000 + stream});
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (double& v : values) v = 2 * static_cast<double>(random.uniform()) - 1;
  return copy_of(Tensor::from(values, shape), dtype);
}

}  // namespace athanor::op_suite
