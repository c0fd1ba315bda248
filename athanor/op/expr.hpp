#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "athanor/base/intrusive.hpp"

namespace athanor {

/// The scalar instructions that pointwise formulas are made of. Comparisons and logic give 0 or 1.
enum class ScalarOp : std::uint8_t {
  constant,
  argument,
  add,
  sub,
  mul,
  div,
  max,
  min,
  pow,
  mod,        // mod: the sign of the divisor, as in Python
  floor_div,  // its quotient: the largest whole number that is not above a / b
  atan2,
  neg,
  abs,
  sign,
  reciprocal,
  sqrt,
  rsqrt,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tanh,
  sigmoid,
  erf,
  asin,
  acos,
  atan,
  floor,
  ceil,
  round,
  trunc,  // round: half to even
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  logical_and,
  logical_or,
  logical_not,
  bit_and,  // of whole numbers; a count outside the bits of the type shifts all of them out
  bit_or,
  bit_xor,
  shift_left,
  shift_right,
  is_nan,
  where  // where(condition, a, b)
};

/// Number of operands: 0 to 3.
int operand_count(ScalarOp op);
std::string_view name_of(ScalarOp op);

class ExprNode;

/// A scalar expression of arguments x0, x1 ...: the meaning of a pointwise op. One expression is
/// read as a value (evaluate), as a derivative (derivative) and as a program of SIMD loops
/// (backends/cpu).
class Expr {
 public:
  Expr() = default;
  Expr(double value);  // NOLINT: literals in formulas
  explicit Expr(Ref<ExprNode> node) : node_(std::move(node)) {}
  static Expr argument(int index);
  static Expr make(ScalarOp op, const Expr& a, const Expr& b = {}, const Expr& c = {});

  bool defined() const { return static_cast<bool>(node_); }
  ScalarOp op() const;
  double value() const;  ///< of a constant
  int index() const;     ///< of an argument
  const Expr& operand(int i) const;
  bool is_constant(double value) const;
  const ExprNode* node() const { return node_.get(); }

 private:
  Ref<ExprNode> node_;
};

class ExprNode final : public RefCounted {
 public:
  ScalarOp op = ScalarOp::constant;
  int index = 0;
  double value = 0;
  Expr operands[3];
  std::uint64_t hash = 0;  ///< structural; made with the node, so that caches look up at once
};

Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);
Expr operator-(const Expr& a);
Expr operator<(const Expr& a, const Expr& b);
Expr operator<=(const Expr& a, const Expr& b);
Expr operator>(const Expr& a, const Expr& b);
Expr operator>=(const Expr& a, const Expr& b);
Expr operator==(const Expr& a, const Expr& b);
Expr operator!=(const Expr& a, const Expr& b);
Expr operator&&(const Expr& a, const Expr& b);
Expr operator||(const Expr& a, const Expr& b);
Expr operator!(const Expr& a);
Expr max(const Expr& a, const Expr& b);
Expr min(const Expr& a, const Expr& b);
Expr pow(const Expr& a, const Expr& b);
Expr mod(const Expr& a, const Expr& b);
Expr floor_div(const Expr& a, const Expr& b);
Expr atan2(const Expr& a, const Expr& b);
Expr bit_and(const Expr& a, const Expr& b);
Expr bit_or(const Expr& a, const Expr& b);
Expr bit_xor(const Expr& a, const Expr& b);
Expr shift_left(const Expr& a, const Expr& b);
Expr shift_right(const Expr& a, const Expr& b);
Expr abs(const Expr& a);
Expr sign(const Expr& a);
Expr reciprocal(const Expr& a);
Expr sqrt(const Expr& a);
Expr rsqrt(const Expr& a);
Expr exp(const Expr& a);
Expr expm1(const Expr& a);
Expr log(const Expr& a);
Expr log1p(const Expr& a);
Expr sin(const Expr& a);
Expr cos(const Expr& a);
Expr tanh(const Expr& a);
Expr sigmoid(const Expr& a);
Expr erf(const Expr& a);
Expr asin(const Expr& a);
Expr acos(const Expr& a);
Expr atan(const Expr& a);
Expr floor(const Expr& a);
Expr ceil(const Expr& a);
Expr round(const Expr& a);
Expr trunc(const Expr& a);
Expr is_nan(const Expr& a);
Expr where(const Expr& condition, const Expr& a, const Expr& b);

/// The value in float64, by plain recursion: the reference of every pointwise kernel.
double evaluate(const Expr& e, std::span<const double> arguments);

/// d e / d argument, simplified. Piecewise instructions have derivative 0 where they are flat, and
/// max, min and abs take the left operand's side, 0 and 0 at their kink.
Expr derivative(const Expr& e, int argument);

/// Bit i is set if argument i (below 64) occurs in e.
std::uint64_t argument_mask(const Expr& e);

/// e with argument i replaced by replacements[i].
Expr substitute(const Expr& e, std::span<const Expr> replacements);

/// Structural equality and hash; two equal expressions share one compiled program.
bool same(const Expr& a, const Expr& b);
std::uint64_t hash(const Expr& e);

/// "mul(x0, sigmoid(x0))"; parse_expr reads it back. Throws FormatError.
std::string to_string(const Expr& e);
Expr parse_expr(std::string_view text);

}  // namespace athanor
