#include "athanor/nn/batch_norm.hpp"

#include "athanor/ops/ops.hpp"

namespace athanor::nn {

BatchNorm2d::BatchNorm2d(std::int64_t channels, BatchNormOptions options)
    : options_(std::move(options)) {
  require(channels >= 1, "BatchNorm2d: channels must be at least 1, not {}", channels);
  require(options_.momentum >= 0 && options_.momentum <= 1,
          "BatchNorm2d: momentum must be in [0, 1], not {}", options_.momentum);
  require(options_.activation == "none" || options_.activation == "relu" ||
              options_.activation == "relu6",
          "BatchNorm2d: activation must be none, relu or relu6, not {}", options_.activation);
  const CategoryScope category(Category::parameter);
  weight = add_parameter("weight", Tensor::ones({channels}));
  bias = add_parameter("bias", Tensor::zeros({channels}));
  running_mean = add_buffer("running_mean", Tensor::zeros({channels}));
  running_var = add_buffer("running_var", Tensor::ones({channels}));
}

Tensor BatchNorm2d::forward(const Tensor& x) {
  if (!training() || frozen_)
    return ops::batch_norm_inference(x, weight, bias, running_mean, running_var, options_.epsilon,
                                     options_.activation);
  require<UnsupportedError>(!x.is_symbolic(),
                            "BatchNorm2d: a captured graph cannot move the running statistics; "
                            "call eval() before the capture");
  const auto [y, mean, variance] =
      ops::batch_norm_train(x, weight, bias, options_.epsilon, options_.activation);
  update_running(mean, variance, x.count() / weight.dim(0));
  return y;
}

void BatchNorm2d::update_running(const Tensor& mean, const Tensor& variance, std::int64_t samples) {
  require(samples > 1,
          "BatchNorm2d: training needs more than one value in each channel, the batch has {}",
          samples);
  const auto m = static_cast<float>(options_.momentum);
  const float unbiased =
      m * static_cast<float>(static_cast<double>(samples) / static_cast<double>(samples - 1));
  const std::vector<float> means = mean.to_vector<float>(), variances = variance.to_vector<float>();
  auto* rm = running_mean.data<float>();
  auto* rv = running_var.data<float>();
  for (std::size_t c = 0; c < means.size(); ++c) {
    rm[c] = (1 - m) * rm[c] + m * means[c];
    rv[c] = (1 - m) * rv[c] + unbiased * variances[c];
  }
  running_mean.storage()->bump_version();
  running_var.storage()->bump_version();
}

std::string BatchNorm2d::describe() const {
  return fmt::format("BatchNorm2d({}{}{})", weight.dim(0),
                     options_.activation == "none" ? "" : ", " + options_.activation,
                     frozen_ ? ", frozen" : "");
}

void BatchNorm2d::freeze(bool on) {
  frozen_ = on;
  weight.set_requires_grad(!on);
  bias.set_requires_grad(!on);
}

void BatchNorm2d::reset(const InitScope&) {
  weight.fill(1);
  bias.fill(0);
  running_mean.fill(0);
  running_var.fill(1);
}

void freeze_batch_norm(Module& module, bool on) {
  for (const auto& entry : module.modules())
    if (auto* norm = dynamic_cast<BatchNorm2d*>(entry.second)) norm->freeze(on);
}

}  // namespace athanor::nn
