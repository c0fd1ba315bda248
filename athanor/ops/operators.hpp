#pragma once

#include "athanor/ops/ops.hpp"

// Arithmetic on tensors, and the bits of integers and bool. A C++ number takes the dtype of the
// tensor beside it (an integer tensor with a fraction gives f32), so that `x * 0.5` does not widen
// x.
namespace athanor {

/// A rank-0 tensor of `value` for arithmetic with `like`.
Tensor number_like(double value, const Tensor& like);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return ops::add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return ops::sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return ops::mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return ops::div(a, b); }
inline Tensor operator-(const Tensor& a) { return ops::neg(a); }
inline Tensor operator+(const Tensor& a, double b) { return ops::add(a, number_like(b, a)); }
inline Tensor operator-(const Tensor& a, double b) { return ops::sub(a, number_like(b, a)); }
inline Tensor operator*(const Tensor& a, double b) { return ops::mul(a, number_like(b, a)); }
inline Tensor operator/(const Tensor& a, double b) { return ops::div(a, number_like(b, a)); }
inline Tensor operator+(double a, const Tensor& b) { return ops::add(number_like(a, b), b); }
inline Tensor operator-(double a, const Tensor& b) { return ops::sub(number_like(a, b), b); }
inline Tensor operator*(double a, const Tensor& b) { return ops::mul(number_like(a, b), b); }
inline Tensor operator/(double a, const Tensor& b) { return ops::div(number_like(a, b), b); }
inline Tensor operator&(const Tensor& a, const Tensor& b) { return ops::bitwise_and(a, b); }
inline Tensor operator|(const Tensor& a, const Tensor& b) { return ops::bitwise_or(a, b); }
inline Tensor operator^(const Tensor& a, const Tensor& b) { return ops::bitwise_xor(a, b); }
inline Tensor operator~(const Tensor& a) { return ops::bitwise_not(a); }

}  // namespace athanor
