#pragma once

#include "athanor/nn/module.hpp"

namespace athanor::nn {

struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;            ///< weight of the new batch in the running statistics
  std::string activation = "none";  ///< none, relu or relu6, fused behind the normalisation
};

/// Normalises each channel of [N, C, H, W] (Ioffe and Szegedy 2015). Training uses the batch's
/// mean and biased variance and moves running_mean and running_var (unbiased) towards them;
/// evaluation uses the running statistics.
class BatchNorm2d final : public Module {
 public:
  explicit BatchNorm2d(std::int64_t channels, BatchNormOptions options = {});
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  /// A frozen layer is an affine map: training too uses the running statistics, which stay as they
  /// are, and weight and bias are not trained.
  void freeze(bool on = true);
  bool frozen() const { return frozen_; }

  Tensor weight, bias, running_mean, running_var;

 protected:
  void reset(const InitScope& scope) override;

 private:
  void update_running(const Tensor& mean, const Tensor& variance, std::int64_t samples);
  BatchNormOptions options_;
  bool frozen_ = false;
};

/// Freezes (or thaws) every BatchNorm2d of a model.
void freeze_batch_norm(Module& module, bool on = true);

}  // namespace athanor::nn
