#include "athanor/nn/layers.hpp"

#include <cmath>

#include "athanor/nn/init.hpp"
#include "athanor/nn/random_scope.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::nn {

namespace {

Tensor parameter(const Shape& shape) {
  const CategoryScope category(Category::parameter);
  return Tensor::zeros(shape);
}

std::string pair_text(const Dims& dims) { return fmt::format("{}x{}", dims[0], dims[1]); }

void check_pair(const char* layer, const char* name, const Dims& dims, std::int64_t low) {
  require(dims.size() == 2 && dims[0] >= low && dims[1] >= low,
          "{}: {} must be two numbers of at least {}, not {}", layer, name, low, to_string(dims));
}

PoolOptions checked(const char* layer, PoolOptions options) {
  if (options.stride.empty()) options.stride = options.kernel;
  check_pair(layer, "kernel", options.kernel, 1);
  check_pair(layer, "stride", options.stride, 1);
  check_pair(layer, "padding", options.padding, 0);
  return options;
}

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, bool with_bias) {
  require(in >= 1 && out >= 1, "Linear: in and out must be at least 1, not {} and {}", in, out);
  weight = add_parameter("weight", parameter({out, in}));
  if (with_bias) bias = add_parameter("bias", parameter({out}));
}

Tensor Linear::forward(const Tensor& x) { return ops::linear(x, weight, bias); }

std::string Linear::describe() const {
  return fmt::format("Linear({}, {}{})", weight.dim(1), weight.dim(0),
                     bias.defined() ? "" : ", no bias");
}

void Linear::reset(const InitScope& scope) {
  const double bound = 1 / std::sqrt(static_cast<double>(weight.dim(1)));
  uniform(weight, scope, "weight", -bound, bound);
  if (bias.defined()) uniform(bias, scope, "bias", -bound, bound);
}

Conv2d::Conv2d(std::int64_t in, std::int64_t out, Dims kernel, ConvOptions options)
    : options_(std::move(options)) {
  require(in >= 1 && out >= 1, "Conv2d: in and out must be at least 1, not {} and {}", in, out);
  require(options_.groups >= 1 && in % options_.groups == 0 && out % options_.groups == 0,
          "Conv2d: groups {} must divide both {} input and {} output channels", options_.groups, in,
          out);
  check_pair("Conv2d", "kernel", kernel, 1);
  check_pair("Conv2d", "stride", options_.stride, 1);
  check_pair("Conv2d", "padding", options_.padding, 0);
  check_pair("Conv2d", "dilation", options_.dilation, 1);
  weight = add_parameter("weight", parameter({out, in / options_.groups, kernel[0], kernel[1]}));
  if (options_.bias) bias = add_parameter("bias", parameter({out}));
}

Tensor Conv2d::forward(const Tensor& x) {
  return ops::conv2d(x, weight, bias, options_.stride, options_.padding, options_.dilation,
                     options_.groups);
}

std::string Conv2d::describe() const {
  std::string text = fmt::format("Conv2d({}, {}, kernel {}x{}", weight.dim(1) * options_.groups,
                                 weight.dim(0), weight.dim(2), weight.dim(3));
  if (!(options_.stride == Dims{1, 1})) text += ", stride " + pair_text(options_.stride);
  if (!(options_.padding == Dims{0, 0})) text += ", padding " + pair_text(options_.padding);
  if (!(options_.dilation == Dims{1, 1})) text += ", dilation " + pair_text(options_.dilation);
  if (options_.groups != 1) text += fmt::format(", groups {}", options_.groups);
  return text + (bias.defined() ? ", bias)" : ")");
}

void Conv2d::reset(const InitScope& scope) {
  // A grouped unit reaches only the outputs of its own group.
  const double gain = std::sqrt(2.0 * static_cast<double>(options_.groups));
  kaiming_normal(weight, scope, "weight", Fan::out, gain);
  if (bias.defined()) constant(bias, 0);
}

MaxPool2d::MaxPool2d(PoolOptions options) : options_(checked("MaxPool2d", std::move(options))) {}

Tensor MaxPool2d::forward(const Tensor& x) {
  return ops::max_pool2d(x, options_.kernel, options_.stride, options_.padding);
}

std::string MaxPool2d::describe() const {
  return fmt::format("MaxPool2d({}, stride {})", pair_text(options_.kernel),
                     pair_text(options_.stride));
}

AvgPool2d::AvgPool2d(PoolOptions options, bool count_include_pad)
    : options_(checked("AvgPool2d", std::move(options))), count_include_pad_(count_include_pad) {}

Tensor AvgPool2d::forward(const Tensor& x) {
  return ops::avg_pool2d(x, options_.kernel, options_.stride, options_.padding, count_include_pad_);
}

std::string AvgPool2d::describe() const {
  return fmt::format("AvgPool2d({}, stride {})", pair_text(options_.kernel),
                     pair_text(options_.stride));
}

Tensor GlobalAvgPool::forward(const Tensor& x) {
  return ops::flatten(ops::global_avg_pool2d(x), 1);
}

Tensor Flatten::forward(const Tensor& x) { return ops::flatten(x, start_); }

Dropout::Dropout(double p) : p_(p) {
  require(p >= 0 && p < 1, "Dropout: p must be in [0, 1), not {}", p);
}

Tensor Dropout::forward(const Tensor& x) {
  if (!training() || p_ == 0) return x;
  const RandomKey key = RandomScope::next("Dropout");
  return ops::dropout(x, p_, static_cast<std::int64_t>(key.seed),
                      static_cast<std::int64_t>(key.stream));
}

std::string Dropout::describe() const { return fmt::format("Dropout({})", p_); }

Tensor Activation::forward(const Tensor& x) {
  switch (kind_) {
    case ActivationKind::relu: return ops::relu(x);
    case ActivationKind::relu6: return ops::relu6(x);
    case ActivationKind::silu: return ops::silu(x);
    case ActivationKind::gelu: return ops::gelu(x);
    case ActivationKind::hardswish: return ops::hardswish(x);
    case ActivationKind::hardsigmoid: return ops::hardsigmoid(x);
    case ActivationKind::sigmoid: return ops::sigmoid(x);
    case ActivationKind::tanh: return ops::tanh(x);
    case ActivationKind::leaky_relu: break;
  }
  return ops::leaky_relu(x);
}

std::string Activation::describe() const {
  constexpr const char* names[] = {"ReLU",        "ReLU6",   "SiLU", "GELU",     "Hardswish",
                                   "Hardsigmoid", "Sigmoid", "Tanh", "LeakyReLU"};
  return fmt::format("{}()", names[static_cast<int>(kind_)]);
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& entry : children()) y = (*entry.second)(y);
  return y;
}

std::string Sequential::describe() const {
  return fmt::format("Sequential({})", children().size());
}

}  // namespace athanor::nn
