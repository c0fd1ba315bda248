#pragma once

#include <string_view>

#include "athanor/nn/module.hpp"

// Initial values of parameters. Each function fills `tensor`, in the order of its elements, with
// numbers that are a pure function of (seed, full name).
namespace athanor::nn {

enum class Fan { in, out };

/// Inputs or outputs of one unit of a weight [out, in, kernel...]. Throws ShapeError below rank 2.
std::int64_t fan_of(const Shape& shape, Fan fan);

/// N(0, gain^2 / fan), gain sqrt(2) for ReLU (He et al. 2015, eq. 10).
void kaiming_normal(const Tensor& tensor, const InitScope& scope, std::string_view name,
                    Fan fan = Fan::in, double gain = 1.4142135623730951);
/// U(-b, b) with b = gain * sqrt(3 / fan).
void kaiming_uniform(const Tensor& tensor, const InitScope& scope, std::string_view name,
                     Fan fan = Fan::in, double gain = 1.4142135623730951);
/// N(0, gain^2 * 2 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 12).
void xavier_normal(const Tensor& tensor, const InitScope& scope, std::string_view name,
                   double gain = 1);
/// U(-b, b) with b = gain * sqrt(6 / (fan_in + fan_out)) (eq. 16).
void xavier_uniform(const Tensor& tensor, const InitScope& scope, std::string_view name,
                    double gain = 1);
void normal(const Tensor& tensor, const InitScope& scope, std::string_view name, double mean,
            double deviation);
void uniform(const Tensor& tensor, const InitScope& scope, std::string_view name, double low,
             double high);
/// N(mean, deviation^2), drawn again until it lies within `bound` deviations of the mean.
void truncated_normal(const Tensor& tensor, const InitScope& scope, std::string_view name,
                      double mean, double deviation, double bound = 2);
void constant(const Tensor& tensor, double value);

}  // namespace athanor::nn
