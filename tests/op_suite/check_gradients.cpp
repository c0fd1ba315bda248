#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/op/dispatch.hpp"
#include "suite.hpp"

namespace athanor::op_suite {

namespace {

/// How far central differences go and what they can tell. An output of a narrow dtype (of a cast)
/// moves in steps of its rounding, so they go further.
struct Resolution {
  double step = 1e-3;
  double tolerance = 1e-7;
};

Resolution resolution(DType dtype) {
  switch (dtype) {
    case DType::f32: return {0.05, 1e-4};
    case DType::f16: return {0.25, 4e-2};
    case DType::bf16: return {0.5, 2e-1};
    default: return {};
  }
}

/// The inputs of a call as f64 leaves, and random weights that make one number of its outputs.
class Problem {
 public:
  explicit Problem(const Call& call) : call_(call) {
    for (const Tensor& t : call.sample.inputs) {
      inputs_.push_back(copy_of(t));
      if (t.defined() && is_floating(t.dtype())) leaves_.push_back(inputs_.back());
    }
    const NoGrad no_grad;
    for (const Tensor& y : run()) {
      const bool floating = is_floating(y.dtype());
      weights_.push_back(floating ? noise(y.shape(), y.dtype(), weights_.size()) : Tensor());
      if (floating && resolution(y.dtype()).step > resolution_.step)
        resolution_ = resolution(y.dtype());
    }
    for (const Tensor& leaf : leaves_)
      directions_.push_back(noise(leaf.shape(), leaf.dtype(), 50 + directions_.size()));
  }

  const TensorList& leaves() const { return leaves_; }
  const TensorList& weights() const { return weights_; }
  TensorList run() const { return call_.run(inputs_); }
  const Resolution& resolution_of_outputs() const { return resolution_; }

  /// sum of outputs * weights.
  double value() const {
    const NoGrad no_grad;
    double sum = 0;
    const TensorList outputs = run();
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (weights_[i].defined()) sum += dot(outputs[i], weights_[i]);
    return sum;
  }

  /// d value / d leaf; undefined where the tape knows of no dependence.
  TensorList gradient(bool create_graph) const {
    for (const Tensor& leaf : leaves_) leaf.set_requires_grad();
    TensorList outputs, weights;
    const TensorList all = run();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!weights_[i].defined() || !all[i].requires_grad()) continue;
      outputs.push_back(all[i]);
      weights.push_back(weights_[i]);
    }
    TensorList result(leaves_.size());
    if (!outputs.empty())
      result = autograd::grad(outputs, leaves_, weights, {.create_graph = create_graph});
    for (const Tensor& leaf : leaves_) leaf.set_requires_grad(create_graph);
    return result;
  }

  /// sum of gradients * directions.
  double slope() const {
    double sum = 0;
    const TensorList gradients = gradient(false);
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (gradients[i].defined()) sum += dot(gradients[i], directions_[i]);
    return sum;
  }
  const TensorList& directions() const { return directions_; }

  static double dot(const Tensor& a, const Tensor& b) {
    const auto x = a.to_vector<double>(), y = b.to_vector<double>();
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
    return sum;
  }

 private:
  const Call& call_;
  TensorList inputs_, leaves_, weights_, directions_;
  Resolution resolution_;
};

/// Where a leaf is moved: one element, or all along a random direction.
struct Move {
  Tensor leaf;
  std::vector<double> by;
};

std::vector<Move> moves(const Tensor& leaf, int elements, std::uint64_t stream) {
  const auto count = static_cast<std::size_t>(leaf.count());
  std::vector<Move> out;
  if (count == 0) return out;
  Random random({3, stream});
  for (int i = 0; i < elements && static_cast<std::size_t>(i) < count; ++i) {
    const std::size_t at = count <= static_cast<std::size_t>(elements)
                               ? static_cast<std::size_t>(i)
                               : static_cast<std::size_t>(random.below(count));
    Move move{leaf, std::vector<double>(count)};
    move.by[at] = 1;
    out.push_back(std::move(move));
  }
  if (count <= static_cast<std::size_t>(elements)) return out;
  Move all{leaf, noise(leaf.shape(), DType::f64, 90 + stream).to_vector<double>()};
  out.push_back(std::move(all));
  return out;
}

// Central differences of fourth order: the error falls with step^4.
template <class F>
double central_difference(const Move& move, double step, const F& f) {
  double* x = move.leaf.data<double>();
  const std::vector<double> saved(x, x + move.by.size());
  const auto at = [&](double t) {
    for (std::size_t i = 0; i < saved.size(); ++i) x[i] = saved[i] + t * move.by[i];
    return f();
  };
  const double d = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
  std::copy(saved.begin(), saved.end(), x);
  return d;
}

/// Compares derivatives along moves with central differences. Where two step widths disagree there
/// is a kink between them and no derivative to compare; most places must have one.
template <class F>
void compare(const Call& call, const char* what, const std::vector<Move>& all,
             const std::vector<double>& derivatives, std::size_t leaf, const F& f, Resolution r,
             Report& report) {
  std::size_t kinks = 0;
  for (std::size_t m = 0; m < all.size(); ++m) {
    const double wide = central_difference(all[m], r.step, f);
    const double narrow = central_difference(all[m], r.step / 2, f);
    if (!(std::fabs(wide - narrow) <= 100 * r.tolerance * (1 + std::fabs(narrow)))) {
      ++kinks;
      continue;
    }
    report.checked();
    if (!(std::fabs(derivatives[m] - narrow) <= r.tolerance * (1 + std::fabs(narrow)))) {
      report.fail(call.name(), "{} by input {}: {:.10g}, central differences give {:.10g}", what,
                  leaf, derivatives[m], narrow);
      return;
    }
  }
  if (kinks * 2 > all.size())
    report.fail(call.name(), "{} by input {}: {} of {} places have no derivative", what, leaf,
                kinks, all.size());
}

Resolution scaled(Resolution r, double factor) { return {r.step, r.tolerance * factor}; }

double along(const Tensor& gradient, const Move& move) {
  if (!gradient.defined()) return 0;
  const auto g = gradient.to_vector<double>();
  double sum = 0;
  for (std::size_t i = 0; i < g.size(); ++i)
    if (move.by[i] != 0) sum += g[i] * move.by[i];
  return sum;
}

}  // namespace

void check_gradient(const Call& call, Report& report) {
  if (call.dtype != DType::f64) return;
  Problem problem(call);
  // The mean of nothing is NaN and has no derivative.
  if (problem.leaves().empty() || std::isnan(problem.value())) return;
  const TensorList gradients = problem.gradient(false);
  if (!call.op.no_gradient.empty()) {
    report.checked();
    for (const Tensor& g : gradients)
      if (g.defined()) report.fail(call.name(), "has a gradient, its record says that it has none");
    return;
  }
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& leaf = problem.leaves()[i];
    report.checked();
    if (gradients[i].defined() && !(gradients[i].shape() == leaf.shape()))
      report.fail(call.name(), "the gradient by input {} is {}", i, describe(gradients[i]));
    const std::vector<Move> all = moves(leaf, 8, i);
    std::vector<double> derivatives;
    for (const Move& move : all) derivatives.push_back(along(gradients[i], move));
    compare(
        call, "the gradient", all, derivatives, i, [&] { return problem.value(); },
        scaled(problem.resolution_of_outputs(), call.op.tolerance), report);
  }
}

void check_second_gradient(const Call& call, Report& report) {
  if (call.dtype != DType::f64 || !call.op.no_gradient.empty()) return;
  Problem problem(call);
  // The mean of nothing is NaN and has no derivative.
  if (problem.leaves().empty() || std::isnan(problem.value())) return;
  for (const Tensor& w : problem.weights())
    if (w.defined()) w.set_requires_grad();
  const TensorList first = problem.gradient(true);
  TensorList outputs, directions, variables;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (!first[i].defined() || !first[i].requires_grad()) continue;
    outputs.push_back(first[i]);
    directions.push_back(problem.directions()[i]);
  }
  for (const Tensor& leaf : problem.leaves()) variables.push_back(leaf);
  for (const Tensor& w : problem.weights())
    if (w.defined() && w.dtype() == DType::f64) variables.push_back(w);
  TensorList second(variables.size());
  if (!outputs.empty()) second = autograd::grad(outputs, variables, directions);
  for (const Tensor& v : variables) v.set_requires_grad(false);
  for (const Tensor& w : problem.weights())
    if (w.defined()) w.set_requires_grad(false);
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::vector<Move> all = moves(variables[i], 2, 20 + i);
    std::vector<double> derivatives;
    for (const Move& move : all) derivatives.push_back(along(second[i], move));
    compare(
        call, "the gradient of the gradient", all, derivatives, i, [&] { return problem.slope(); },
        scaled(problem.resolution_of_outputs(), 10 * call.op.tolerance), report);
  }
}

}  // namespace athanor::op_suite
