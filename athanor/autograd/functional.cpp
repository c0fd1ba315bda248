#include "athanor/autograd/functional.hpp"

#include "athanor/base/error.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::autograd {

namespace {

// A tensor to differentiate by: of the same history where there is one, so that these functions
// nest.
Tensor variable(const Tensor& t) {
  require(t.defined() && is_floating(t.dtype()), "derivatives: {} has no gradient; cast it",
          t.defined() ? describe(t) : std::string("an undefined tensor"));
  return t.requires_grad() ? ops::reshape(t, t.shape()) : t.detach().set_requires_grad();
}

TensorList variables(std::span<const Tensor> tensors) {
  TensorList out;
  for (const Tensor& t : tensors) out.push_back(variable(t));
  return out;
}

void check_directions(const char* what, std::span<const Tensor> directions,
                      const TensorList& tensors, const char* of) {
  require(directions.size() == tensors.size(), "{}: {} given for {} {}s", what, directions.size(),
          tensors.size(), of);
  for (std::size_t i = 0; i < directions.size(); ++i)
    require<ShapeError>(directions[i].shape() == tensors[i].shape(),
                        "{} {} is {}, {} {} has shape {}", what, i, describe(directions[i]), of, i,
                        to_string(tensors[i].shape()));
}

Tensor zeros_like(const Tensor& t) { return Tensor::zeros(t.shape(), t.dtype()); }

// grad() of the outputs that have a history, with zeros where nothing depends on an input.
TensorList gradients(const TensorList& outputs, const TensorList& inputs,
                     std::span<const Tensor> weights, bool create_graph) {
  TensorList roots, seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].requires_grad()) {
      roots.push_back(outputs[i]);
      seeds.push_back(weights[i]);
    }
  TensorList found;
  if (!roots.empty()) found = grad(roots, inputs, seeds, {.create_graph = create_graph});
  found.resize(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!found[i].defined()) found[i] = zeros_like(inputs[i]);
  return found;
}

TensorList detached(const TensorList& tensors, bool keep) {
  TensorList out;
  for (const Tensor& t : tensors) out.push_back(keep ? t : t.detach());
  return out;
}

}  // namespace

Derivatives vjp(const TensorFunction& function, std::span<const Tensor> inputs,
                std::span<const Tensor> cotangents, bool create_graph) {
  const GradMode recording(true);
  const TensorList x = variables(inputs), y = function(x);
  check_directions("cotangent", cotangents, y, "output");
  TensorList found = gradients(y, x, cotangents, create_graph);
  return {detached(y, create_graph), std::move(found)};
}

Derivatives jvp(const TensorFunction& function, std::span<const Tensor> inputs,
                std::span<const Tensor> tangents, bool create_graph) {
  const GradMode recording(true);
  const TensorList x = variables(inputs);
  check_directions("tangent", tangents, x, "input");
  const TensorList y = function(x);
  // g(u) = u J is linear in u, so its derivative along the tangents is J times them.
  TensorList u;
  for (const Tensor& t : y) u.push_back(zeros_like(t).set_requires_grad());
  const TensorList g = gradients(y, x, u, true);
  TensorList found;
  found.resize(y.size());
  TensorList roots, seeds;
  for (std::size_t i = 0; i < g.size(); ++i)
    if (g[i].requires_grad()) {
      roots.push_back(g[i]);
      seeds.push_back(tangents[i]);
    }
  if (!roots.empty()) found = grad(roots, u, seeds, {.create_graph = create_graph});
  found.resize(y.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    if (!found[i].defined()) found[i] = zeros_like(y[i]);
  return {detached(y, create_graph), std::move(found)};
}

Tensor jacobian(const std::function<Tensor(const Tensor&)>& function, const Tensor& input,
                bool create_graph) {
  const GradMode recording(true);
  const Tensor x = variable(input), y = function(x);
  const Tensor flat = ops::reshape(y, {-1});
  const std::int64_t rows = y.count();
  TensorList found;
  for (std::int64_t i = 0; i < rows; ++i) {
    Tensor g;
    if (y.requires_grad()) {
      const Tensor row = ops::slice(flat, 0, i, i + 1, 1);
      g = grad(std::array{ops::reshape(row, Dims{})}, std::array{x}, {},
               {.create_graph = create_graph, .retain_graph = true})[0];
    }
    found.push_back(g.defined() ? g : zeros_like(x));
  }
  Shape shape = y.shape();
  for (const std::int64_t d : x.shape()) shape.push_back(d);
  if (found.empty()) return Tensor::zeros(shape, x.dtype());
  return ops::reshape(ops::stack(found, 0), shape);
}

namespace {

// The weighted sum of all outputs of floating dtype, with fixed random weights.
Tensor projection(const TensorList& outputs) {
  Tensor total = Tensor::scalar(0, DType::f64);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& y = outputs[i];
    if (!y.defined() || !is_floating(y.dtype())) continue;
    const Tensor w =
        ops::random_uniform(y.shape(), 1, static_cast<std::int64_t>(i), 0.5, 1.5, DType::f64);
    total = total + ops::sum(ops::cast(y, DType::f64) * w);
  }
  return total;
}

std::string element_of(std::int64_t index, const Shape& shape) {
  Dims at = shape;
  for (std::size_t d = at.size(); d-- > 0;) {
    at[d] = index % shape[d];
    index /= shape[d];
  }
  return to_string(at);
}

void check_once(const TensorFunction& function, const TensorList& inputs,
                const CheckOptions& options, const char* what) {
  const GradMode recording(true);
  TensorList x, wanted;
  for (const Tensor& t : inputs) {
    // Copies: the differences are taken by changing one element at a time.
    Tensor copy = Tensor::empty(t.shape(), t.dtype());
    copy.copy_from(t);
    if (t.requires_grad()) {
      copy.set_requires_grad();
      wanted.push_back(copy);
    }
    x.push_back(copy);
  }
  const Tensor loss = projection(function(x));
  TensorList analytic;
  if (loss.requires_grad()) analytic = grad(std::array{loss}, wanted);
  analytic.resize(wanted.size());
  const NoGrad off;
  std::size_t slot = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!inputs[i].requires_grad()) continue;
    const Tensor& t = x[i];
    const Tensor& g = analytic[slot++];
    const std::vector<double> given =
        g.defined() ? g.to_vector<double>()
                    : std::vector<double>(static_cast<std::size_t>(t.count()));
    const Tensor plain = t.detach();
    auto* values = plain.data<double>();
    for (std::int64_t k = 0; k < t.count(); ++k) {
      const double before = values[k];
      const auto at = [&](double value) {
        values[k] = value;
        plain.storage()->bump_version();
        const GradMode inner(options.second);  // a function that calls grad() itself needs it
        TensorList arguments;
        for (std::size_t j = 0; j < x.size(); ++j)
          arguments.push_back(options.second && inputs[j].requires_grad()
                                  ? x[j].detach().set_requires_grad()
                                  : x[j].detach());
        return projection(function(arguments)).item();
      };
      const double up = at(before + options.epsilon), down = at(before - options.epsilon);
      values[k] = before;
      plain.storage()->bump_version();
      const double numeric = (up - down) / (2 * options.epsilon);
      const double found = given[static_cast<std::size_t>(k)];
      const double allowed = options.absolute + options.relative * std::abs(numeric);
      require(std::abs(found - numeric) <= allowed,
              "check_gradients: {} by input {} at {} is {}, and central differences give {}; at "
              "most {} apart was allowed",
              what, i, element_of(k, t.shape()), found, numeric, allowed);
    }
  }
}

}  // namespace

void check_gradients(const TensorFunction& function, std::span<const Tensor> inputs,
                     const CheckOptions& options) {
  require(options.epsilon > 0, "check_gradients: epsilon is {}; it must be positive",
          options.epsilon);
  TensorList list;
  bool any = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i];
    require(t.defined(), "check_gradients: input {} is undefined", i);
    require<DTypeError>(!t.requires_grad() || t.dtype() == DType::f64,
                        "check_gradients: input {} is {}; differences need f64", i, describe(t));
    any = any || t.requires_grad();
    list.push_back(t);
  }
  require(any, "check_gradients: none of the {} inputs requires a gradient", inputs.size());
  CheckOptions first = options;
  first.second = false;
  check_once(function, list, first, "the gradient");
  if (!options.second) return;
  const auto gradient = [&](const TensorList& x) {
    TensorList wanted;
    for (const Tensor& t : x)
      if (t.requires_grad()) wanted.push_back(t);
    const Tensor loss = projection(function(x));
    TensorList found;
    if (loss.requires_grad()) found = grad(std::array{loss}, wanted, {}, {.create_graph = true});
    TensorList defined;
    for (const Tensor& t : found)
      if (t.defined()) defined.push_back(t);
    return defined;
  };
  check_once(gradient, list, options, "the second gradient");
}

}  // namespace athanor::autograd
