#include <cmath>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/lines.hpp"
#include "athanor/ops/core/cross_entropy.hpp"

namespace athanor::backends::cpu {

namespace {

// What both directions of the cross entropy read beside the logits.
struct Target {
  std::vector<double> weight;  // empty: 1 for every class
  double weight_sum = 0;
  double smoothing = 0;
  double even = 0;  // what smoothing gives to each class
  Tensor classes;   // i64, or undefined for probabilities
  const Tensor* probabilities = nullptr;

  Target(const KernelCall& call, const Tensor& logits, const Tensor& target,
         const Tensor& weights) {
    const std::int64_t count = logits.dim(1);
    smoothing = call.attrs.real("label_smoothing");
    even = smoothing / static_cast<double>(count);
    weight_sum = static_cast<double>(count);
    if (weights.defined()) {
      require<ShapeError>(weights.count() == count && weights.rank() == 1,
                          "{}: weight {} must have one value for each of the {} classes",
                          call.op.name, describe(weights), count);
      weight = weights.to_vector<double>();
      weight_sum = 0;
      for (double w : weight) weight_sum += w;
    }
    if (is_floating(target.dtype())) {
      probabilities = &target;
    } else {
      classes = ops::checked_classes(call.op.name, target, count);
    }
  }
  double weight_of(std::int64_t c) const {
    return weight.empty() ? 1.0 : weight[static_cast<std::size_t>(c)];
  }
};

void softmax_cross_entropy(const KernelCall& call) {
  const Tensor& logits = call.inputs[0];
  const Target target(call, logits, call.inputs[1], call.inputs[2]);
  visit_floating(logits.dtype(), [&](auto tag) {
    using T = decltype(tag);
    auto* const log_sums = call.outputs[1].data<Work<T>>();
    T* const losses = call.outputs[0].data<T>();
    const auto log_sum = [log_sums](std::int64_t i, const auto* x, std::int64_t n) {
      const auto largest = peak_run(x, n);
      const double rest = std::log(static_cast<double>(exp_sum(x, largest, n)));
      const double total = static_cast<double>(largest) + rest;
      log_sums[i] = static_cast<Work<T>>(total);
      return total;
    };
    if (target.probabilities) {
      for_lines<T, 2>({&logits, target.probabilities}, nullptr, 1,
                      [&](std::int64_t i, const auto& in, auto*, std::int64_t n) {
                        const double total = log_sum(i, in[0], n);
                        double loss = 0;
                        for (std::int64_t c = 0; c < n; ++c) {
                          const double q = target.weight_of(c) *
                                           ((1 - target.smoothing) * static_cast<double>(in[1][c]) +
                                            target.even);
                          if (q != 0) loss += q * (total - static_cast<double>(in[0][c]));
                        }
                        losses[i] = T(static_cast<Work<T>>(loss));
                      });
      return;
    }
    const std::int64_t* classes = target.classes.data<std::int64_t>();
    for_lines<T, 1>({&logits}, nullptr, 1,
                    [&](std::int64_t i, const auto& in, auto*, std::int64_t n) {
                      const double total = log_sum(i, in[0], n);
                      const std::int64_t t = classes[i];
                      double loss = (1 - target.smoothing) * target.weight_of(t) *
                                    (total - static_cast<double>(in[0][t]));
                      if (target.smoothing != 0) {
                        double all = 0;
                        for (std::int64_t c = 0; c < n; ++c)
                          all += target.weight_of(c) * (total - static_cast<double>(in[0][c]));
                        loss += target.even * all;
                      }
                      losses[i] = T(static_cast<Work<T>>(loss));
                    });
  });
}

void cross_entropy_grad(const KernelCall& call) {
  const Tensor& logits = call.inputs[1];
  const Target target(call, logits, call.inputs[2], call.inputs[4]);
  const std::vector<double> grads = call.inputs[0].to_vector<double>();
  visit_floating(logits.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using W = Work<T>;
    const std::vector<W> log_sums = call.inputs[3].to_vector<W>();
    // out = g * q_sum * softmax(x). Divided by its own sum, the softmax does not feel that a large
    // log_sum was rounded.
    const auto softmax = [&](std::int64_t i, const W* x, double q_sum, W* out, std::int64_t n) {
      const auto row = static_cast<std::size_t>(i);
      const double total = static_cast<double>(exp_sum(x, log_sums[row], out, n));
      scale_run(out, static_cast<W>(grads[row] * q_sum / total), out, n);
    };
    if (target.probabilities) {
      for_lines<T, 2>(
          {&logits, target.probabilities}, &call.outputs[0], 1,
          [&](std::int64_t i, const auto& in, auto* out, std::int64_t n) {
            const auto q = [&](std::int64_t c) {
              return target.weight_of(c) *
                     ((1 - target.smoothing) * static_cast<double>(in[1][c]) + target.even);
            };
            double q_sum = 0;
            for (std::int64_t c = 0; c < n; ++c) q_sum += q(c);
            softmax(i, in[0], q_sum, out, n);
            const double g = grads[static_cast<std::size_t>(i)];
            for (std::int64_t c = 0; c < n; ++c) out[c] -= static_cast<W>(g * q(c));
          });
      return;
    }
    const std::int64_t* classes = target.classes.data<std::int64_t>();
    for_lines<T, 1>({&logits}, &call.outputs[0], 1,
                    [&](std::int64_t i, const auto& in, auto* out, std::int64_t n) {
                      const double g = grads[static_cast<std::size_t>(i)];
                      const std::int64_t t = classes[i];
                      const double hit = (1 - target.smoothing) * target.weight_of(t);
                      softmax(i, in[0], hit + target.even * target.weight_sum, out, n);
                      if (target.smoothing != 0)
                        for (std::int64_t c = 0; c < n; ++c)
                          out[c] -= static_cast<W>(g * target.even * target.weight_of(c));
                      out[t] -= static_cast<W>(g * hit);
                    });
  });
}

}  // namespace

void register_losses(KernelTable& table) {
  table.set("softmax_cross_entropy", Device::cpu, softmax_cross_entropy, kFloats);
  table.set("cross_entropy_grad", Device::cpu, cross_entropy_grad, kFloats);
}

}  // namespace athanor::backends::cpu
