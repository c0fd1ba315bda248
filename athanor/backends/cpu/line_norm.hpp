#pragma once

#include <cstdint>

// Inner loops of layer and RMS normalisation on one contiguous line, compiled for several
// instruction sets. T is float or double. A line x becomes z = (x - mean) * scale.
namespace athanor::backends::cpu {

/// The mean of x (0 unless `centre`) and the mean of (x - mean)^2, in two passes.
template <class T>
void line_moments(const T* x, std::int64_t count, bool centre, T& mean, T& square);

/// y = z * weight + bias; weight and bias may be null.
template <class T>
void line_normalise(const T* x, std::int64_t count, T mean, T scale, const T* weight, const T* bias,
                    T* y);

/// The means of g and of g * z, where g = grad * weight; weight may be null.
template <class T>
void line_grad_means(const T* x, const T* grad, std::int64_t count, T mean, T scale,
                     const T* weight, T& first, T& second);

/// dx = (g - first - z * second) * scale.
template <class T>
void line_grad(const T* x, const T* grad, std::int64_t count, T mean, T scale, const T* weight,
               T first, T second, T* dx);

/// dweight += grad * z and dbias += grad; dbias may be null.
template <class T>
void line_grad_parameters(const T* x, const T* grad, std::int64_t count, T mean, T scale,
                          T* dweight, T* dbias);

}  // namespace athanor::backends::cpu
