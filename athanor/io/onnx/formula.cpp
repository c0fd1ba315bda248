#include <unordered_map>

#include "athanor/base/error.hpp"
#include "athanor/io/onnx/proto.hpp"
#include "athanor/op/op.hpp"
#include "athanor/ops/core/onnx.hpp"

namespace athanor::io::detail {

DType compute_dtype(const OpDef& op, std::span<const Tensor> inputs) {
  const std::size_t first = op.result == ResultType::branch ? 1 : 0;
  DType dtype = inputs[first].dtype();
  for (std::size_t i = first + 1; i < inputs.size(); ++i) dtype = promote(dtype, inputs[i].dtype());
  return op.result == ResultType::floating && !is_floating(dtype) ? DType::f32 : dtype;
}

namespace {

/// Writes an expression from the leaves up; equal nodes of the expression are written once.
class FormulaWriter {
 public:
  FormulaWriter(OnnxWriter& writer, DType dtype, const OnnxNames& names,
                std::span<const Tensor> inputs)
      : writer_(writer), dtype_(dtype), names_(names), inputs_(inputs) {}

  std::string run(const Expr& formula, const Tensor& output) {
    const Typed value = visit(formula);
    const std::string result = ops::onnx_cast(writer_, value.name, value.dtype, output.dtype());
    return spread(formula, result);
  }

 private:
  struct Typed {
    std::string name;
    DType dtype = DType::f32;
  };

  std::string as(const Typed& value, DType dtype) {
    return ops::onnx_cast(writer_, value.name, value.dtype, dtype);
  }
  std::string number(const Typed& value) { return as(value, dtype_); }
  std::string number(const Expr& e) { return number(visit(e)); }
  std::string literal(double value) { return ops::onnx_scalar(writer_, value, dtype_); }
  Typed numeric(const char* type, const OnnxNames& inputs) {
    return {writer_.node(type, inputs), dtype_};
  }
  Typed logic(const char* type, const OnnxNames& inputs) {
    return {writer_.node(type, inputs), DType::boolean};
  }
  Typed unary(const char* type, const Expr& e) { return numeric(type, {number(e.operand(0))}); }
  Typed binary(const char* type, const Expr& e) {
    const std::string a = number(e.operand(0));
    return numeric(type, {a, number(e.operand(1))});
  }
  Typed compare(const char* type, const Expr& e) {
    const std::string a = number(e.operand(0));
    return logic(type, {a, number(e.operand(1))});
  }
  // Functions that ONNX has for floating types only.
  Typed function(const char* type, const Expr& e) {
    const Typed a = visit(e.operand(0));
    if (is_floating(dtype_)) return numeric(type, {number(a)});
    const std::string wide = writer_.node(type, {as(a, DType::f64)});
    return {ops::onnx_cast(writer_, wide, DType::f64, dtype_), dtype_};
  }

  Typed visit(const Expr& e) {
    const auto known = written_.find(e.node());
    if (known != written_.end()) return known->second;
    const Typed value = write(e);
    written_.emplace(e.node(), value);
    return value;
  }

  Typed write(const Expr& e) {
    switch (e.op()) {
      case ScalarOp::constant: return {literal(e.value()), dtype_};
      case ScalarOp::argument: {
        const auto i = static_cast<std::size_t>(e.index());
        return {names_[i], inputs_[i].dtype()};
      }
      case ScalarOp::add: return binary("Add", e);
      case ScalarOp::sub: return binary("Sub", e);
      case ScalarOp::mul: return binary("Mul", e);
      case ScalarOp::div: return binary("Div", e);
      case ScalarOp::max: return binary("Max", e);
      case ScalarOp::min: return binary("Min", e);
      case ScalarOp::pow: return binary("Pow", e);
      case ScalarOp::mod: return modulo(e);
      case ScalarOp::floor_div: return floor_quotient(e);
      case ScalarOp::atan2: return angle(e);
      case ScalarOp::neg: return unary("Neg", e);
      case ScalarOp::abs: return unary("Abs", e);
      case ScalarOp::sign: return unary("Sign", e);
      case ScalarOp::reciprocal: return function("Reciprocal", e);
      case ScalarOp::sqrt: return function("Sqrt", e);
      case ScalarOp::rsqrt: return numeric("Reciprocal", {number(function("Sqrt", e))});
      case ScalarOp::exp: return function("Exp", e);
      case ScalarOp::expm1: return expm1(number(e.operand(0)));
      case ScalarOp::log: return function("Log", e);
      case ScalarOp::log1p: return log1p(number(e.operand(0)));
      case ScalarOp::sin: return function("Sin", e);
      case ScalarOp::cos: return function("Cos", e);
      case ScalarOp::tanh: return function("Tanh", e);
      case ScalarOp::sigmoid: return function("Sigmoid", e);
      case ScalarOp::erf: return function("Erf", e);
      case ScalarOp::asin: return function("Asin", e);
      case ScalarOp::acos: return function("Acos", e);
      case ScalarOp::atan: return function("Atan", e);
      case ScalarOp::floor: return rounded("Floor", e);
      case ScalarOp::ceil: return rounded("Ceil", e);
      case ScalarOp::round: return rounded("Round", e);
      case ScalarOp::trunc: return truncated(e);
      case ScalarOp::eq: return compare("Equal", e);
      case ScalarOp::ne: return logic("Not", {compare("Equal", e).name});
      case ScalarOp::lt: return compare("Less", e);
      case ScalarOp::le: return compare("LessOrEqual", e);
      case ScalarOp::gt: return compare("Greater", e);
      case ScalarOp::ge: return compare("GreaterOrEqual", e);
      case ScalarOp::logical_and: return both("And", e);
      case ScalarOp::logical_or: return both("Or", e);
      case ScalarOp::logical_not: return logic("Not", {as(visit(e.operand(0)), DType::boolean)});
      case ScalarOp::bit_and:
      case ScalarOp::bit_or:
      case ScalarOp::bit_xor:
      case ScalarOp::shift_left:
      case ScalarOp::shift_right:
        raise<UnsupportedError>("{}: ONNX has no bits of signed integers before opset 18",
                                name_of(e.op()));
      case ScalarOp::is_nan: {
        const Typed a = visit(e.operand(0));
        return logic("IsNaN", {as(a, is_floating(dtype_) ? dtype_ : DType::f32)});
      }
      case ScalarOp::where: {
        const std::string condition = as(visit(e.operand(0)), DType::boolean);
        const std::string a = number(e.operand(1));
        return numeric("Where", {condition, a, number(e.operand(2))});
      }
    }
    throw InternalError("a scalar instruction has no ONNX form");
  }

  Typed both(const char* type, const Expr& e) {
    const std::string a = as(visit(e.operand(0)), DType::boolean);
    return logic(type, {a, as(visit(e.operand(1)), DType::boolean)});
  }

  Typed rounded(const char* type, const Expr& e) {
    if (!is_floating(dtype_)) return {number(e.operand(0)), dtype_};
    return unary(type, e);
  }
  Typed truncated(const Expr& e) {
    const std::string x = number(e.operand(0));
    if (!is_floating(dtype_)) return {x, dtype_};
    const std::string whole = writer_.node("Floor", {writer_.node("Abs", {x})});
    return numeric("Mul", {writer_.node("Sign", {x}), whole});
  }

  // ONNX's Mod of floats has the sign of the dividend (C's fmod); ours has the divisor's.
  Typed modulo(const Expr& e) {
    const std::string a = number(e.operand(0)), b = number(e.operand(1));
    if (is_floating(dtype_)) {
      const std::string quotient = writer_.node("Floor", {writer_.node("Div", {a, b})});
      return numeric("Sub", {a, writer_.node("Mul", {quotient, b})});
    }
    // An integer division by 0 ends the process in some runtimes.
    const std::string zero = literal(0);
    const std::string by_zero = writer_.node("Equal", {b, zero});
    const std::string divisor = writer_.node("Where", {by_zero, literal(1), b});
    return numeric("Where", {by_zero, zero, writer_.node("Mod", {a, divisor})});
  }

  // The quotient without its rest, less one where the rest has not the divisor's sign.
  Typed floor_quotient(const Expr& e) {
    const std::string a = number(e.operand(0)), b = number(e.operand(1)), zero = literal(0);
    const std::string by_zero = writer_.node("Equal", {b, zero});
    const std::string divisor = writer_.node("Where", {by_zero, literal(1), b});
    const bool real = is_floating(dtype_);
    std::string quotient, rest;
    if (real) {
      rest = writer_.node("Mod", {a, divisor}, {{"fmod", std::int64_t{1}}});
      quotient =
          writer_.node("Round", {writer_.node("Div", {writer_.node("Sub", {a, rest}), divisor})});
    } else {
      quotient = writer_.node("Div", {a, divisor});
      rest = writer_.node("Sub", {a, writer_.node("Mul", {quotient, divisor})});
    }
    const std::string whole = writer_.node("Equal", {rest, zero});
    const std::string one_sign = writer_.node(
        "Equal", {writer_.node("Less", {rest, zero}), writer_.node("Less", {divisor, zero})});
    const std::string stays = writer_.node("Or", {whole, one_sign});
    const std::string less = writer_.node("Sub", {quotient, literal(1)});
    const std::string floor = writer_.node("Where", {stays, quotient, less});
    return numeric("Where", {by_zero, real ? writer_.node("Div", {a, b}) : zero, floor});
  }

  // The arc tangent of the quotient, turned by pi on the left side. Infinite points are not met.
  Typed angle(const Expr& e) {
    constexpr double kPi = 3.14159265358979323846;
    const std::string y = number(e.operand(0)), x = number(e.operand(1)), zero = literal(0);
    const std::string half =
        writer_.node("Where", {writer_.node("Less", {y, zero}), literal(-kPi), literal(kPi)});
    const std::string upright = writer_.node("Equal", {x, zero});
    const std::string divisor = writer_.node("Where", {upright, literal(1), x});
    const std::string arc = writer_.node("Atan", {writer_.node("Div", {y, divisor})});
    const std::string left = writer_.node("Less", {x, zero});
    const std::string side = writer_.node("Where", {left, half, zero});
    const std::string angle = writer_.node("Add", {arc, side});
    const std::string quarter = writer_.node("Mul", {writer_.node("Sign", {y}), literal(kPi / 2)});
    return numeric("Where", {upright, quarter, angle});
  }

  // tanh(x / 2) * (exp(x) + 1): no cancellation near 0.
  Typed expm1(const std::string& x) {
    const std::string half = writer_.node("Tanh", {writer_.node("Mul", {x, literal(0.5)})});
    const std::string sum = writer_.node("Add", {writer_.node("Exp", {x}), literal(1)});
    // At -infinity and far below 0 the product is exact: -1 * 1.
    return numeric("Mul", {half, sum});
  }

  // log(u) * x / (u - 1) with u = 1 + x, whose rounding errors cancel (HP-15C Advanced Functions
  // Handbook, Kahan 1982); x itself where u is 1, log(u) where u - 1 is x.
  Typed log1p(const std::string& x) {
    const std::string one = literal(1);
    const std::string u = writer_.node("Add", {x, one});
    const std::string d = writer_.node("Sub", {u, one});
    const std::string log = writer_.node("Log", {u});
    const std::string corrected = writer_.node("Div", {writer_.node("Mul", {log, x}), d});
    const std::string exact = writer_.node("Equal", {d, x});
    const std::string large = writer_.node("Where", {exact, log, corrected});
    return numeric("Where", {writer_.node("Equal", {u, one}), x, large});
  }

  // An input that the formula does not read still counts for the shape of the result.
  std::string spread(const Expr& formula, std::string result) {
    std::vector<bool> read(inputs_.size());
    mark(formula, read);
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (read[i] || inputs_[i].rank() == 0) continue;
      const std::string any =
          writer_.node("Equal", {names_[i], names_[i]});  // true or false, no matter
      result = writer_.node("Where", {any, result, result});
    }
    return result;
  }
  static void mark(const Expr& e, std::vector<bool>& read) {
    if (e.op() == ScalarOp::argument) read[static_cast<std::size_t>(e.index())] = true;
    for (int i = 0; i < operand_count(e.op()); ++i) mark(e.operand(i), read);
  }

  OnnxWriter& writer_;
  DType dtype_;
  const OnnxNames& names_;
  std::span<const Tensor> inputs_;
  std::unordered_map<const ExprNode*, Typed> written_;
};

}  // namespace

std::string write_formula(OnnxWriter& writer, const OpDef& op, const Expr& formula,
                          const OnnxNames& names, std::span<const Tensor> inputs,
                          const Tensor& output) {
  DType dtype = compute_dtype(op, inputs);
  // As the kernels do: half types compute in f32. ONNX has little arithmetic for the small
  // integers, so they go through i32.
  if (dtype == DType::f16 || dtype == DType::bf16) dtype = DType::f32;
  if (dtype == DType::boolean || dtype == DType::u8 || dtype == DType::i8) dtype = DType::i32;
  return FormulaWriter(writer, dtype, names, inputs).run(formula, output);
}

}  // namespace athanor::io::detail
