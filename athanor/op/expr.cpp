#include "athanor/op/expr.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <set>
#include <unordered_map>

#include "athanor/base/convert.hpp"
#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"

namespace athanor {

namespace {

struct Instruction {
  std::string_view name;
  int operands;
};

constexpr Instruction kInstructions[] = {
    {"constant", 0},    {"argument", 0},   {"add", 2},         {"sub", 2},     {"mul", 2},
    {"div", 2},         {"max", 2},        {"min", 2},         {"pow", 2},     {"mod", 2},
    {"floor_div", 2},   {"atan2", 2},      {"neg", 1},         {"abs", 1},     {"sign", 1},
    {"reciprocal", 1},  {"sqrt", 1},       {"rsqrt", 1},       {"exp", 1},     {"expm1", 1},
    {"log", 1},         {"log1p", 1},      {"sin", 1},         {"cos", 1},     {"tanh", 1},
    {"sigmoid", 1},     {"erf", 1},        {"asin", 1},        {"acos", 1},    {"atan", 1},
    {"floor", 1},       {"ceil", 1},       {"round", 1},       {"trunc", 1},   {"eq", 2},
    {"ne", 2},          {"lt", 2},         {"le", 2},          {"gt", 2},      {"ge", 2},
    {"logical_and", 2}, {"logical_or", 2}, {"logical_not", 1}, {"bit_and", 2}, {"bit_or", 2},
    {"bit_xor", 2},     {"shift_left", 2}, {"shift_right", 2}, {"is_nan", 1},  {"where", 3}};
static_assert(std::size(kInstructions) == static_cast<std::size_t>(ScalarOp::where) + 1);

// Python's a // b: a rest is taken away first, so that the quotient is whole but for its rounding.
double floor_quotient(double a, double b) {
  if (b == 0) return a / b;
  const double r = std::fmod(a, b);
  double q = (a - r) / b;
  if (r != 0 && (r < 0) != (b < 0)) q -= 1;
  return q == 0 ? std::copysign(0.0, a / b) : std::round(q);
}

double bitwise(ScalarOp op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case ScalarOp::bit_and: return static_cast<double>(a & b);
    case ScalarOp::bit_or: return static_cast<double>(a | b);
    case ScalarOp::bit_xor: return static_cast<double>(a ^ b);
    case ScalarOp::shift_left:
      if (b < 0 || b > 63) return 0;
      return static_cast<double>(static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << b));
    default: return static_cast<double>(a >> (b < 0 || b > 63 ? 63 : b));
  }
}

double apply(ScalarOp op, double a, double b, double c) {
  switch (op) {
    case ScalarOp::add: return a + b;
    case ScalarOp::sub: return a - b;
    case ScalarOp::mul: return a * b;
    case ScalarOp::div: return a / b;
    case ScalarOp::max: return std::isnan(a) || a > b ? a : b;
    case ScalarOp::min: return std::isnan(a) || a < b ? a : b;
    case ScalarOp::pow: return std::pow(a, b);
    case ScalarOp::mod: {
      const double r = std::fmod(a, b);
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    }
    case ScalarOp::floor_div: return floor_quotient(a, b);
    case ScalarOp::atan2: return std::atan2(a, b);
    case ScalarOp::bit_and:
    case ScalarOp::bit_or:
    case ScalarOp::bit_xor:
    case ScalarOp::shift_left:
    case ScalarOp::shift_right:
      return bitwise(op, convert_element<std::int64_t>(a), convert_element<std::int64_t>(b));
    case ScalarOp::neg: return -a;
    case ScalarOp::abs: return std::fabs(a);
    case ScalarOp::sign: return std::isnan(a) ? a : static_cast<double>((a > 0) - (a < 0));
    case ScalarOp::reciprocal: return 1 / a;
    case ScalarOp::sqrt: return std::sqrt(a);
    case ScalarOp::rsqrt: return 1 / std::sqrt(a);
    case ScalarOp::exp: return std::exp(a);
    case ScalarOp::expm1: return std::expm1(a);
    case ScalarOp::log: return std::log(a);
    case ScalarOp::log1p: return std::log1p(a);
    case ScalarOp::sin: return std::sin(a);
    case ScalarOp::cos: return std::cos(a);
    case ScalarOp::tanh: return std::tanh(a);
    case ScalarOp::sigmoid:
      return a >= 0 ? 1 / (1 + std::exp(-a)) : std::exp(a) / (1 + std::exp(a));
    case ScalarOp::erf: return std::erf(a);
    case ScalarOp::asin: return std::asin(a);
    case ScalarOp::acos: return std::acos(a);
    case ScalarOp::atan: return std::atan(a);
    case ScalarOp::floor: return std::floor(a);
    case ScalarOp::ceil: return std::ceil(a);
    case ScalarOp::round: return std::nearbyint(a);
    case ScalarOp::trunc: return std::trunc(a);
    case ScalarOp::eq: return a == b;
    case ScalarOp::ne: return a != b;
    case ScalarOp::lt: return a < b;
    case ScalarOp::le: return a <= b;
    case ScalarOp::gt: return a > b;
    case ScalarOp::ge: return a >= b;
    case ScalarOp::logical_and: return a != 0 && b != 0;
    case ScalarOp::logical_or: return a != 0 || b != 0;
    case ScalarOp::logical_not: return a == 0;
    case ScalarOp::is_nan: return std::isnan(a);
    case ScalarOp::where: return a != 0 ? b : c;
    case ScalarOp::constant:
    case ScalarOp::argument: break;
  }
  throw InternalError("a leaf of an expression was applied");
}

Ref<ExprNode> leaf(ScalarOp op, int index, double value) {
  auto node = make_ref<ExprNode>();
  node->op = op;
  node->index = index;
  node->value = value;
  node->hash = mix(static_cast<std::uint64_t>(op) + 1, op == ScalarOp::constant
                                                           ? std::bit_cast<std::uint64_t>(value)
                                                           : static_cast<std::uint64_t>(index));
  return node;
}

bool constant(const Expr& e) { return e.op() == ScalarOp::constant; }

// Identities that hold for finite values; derivatives are full of products with 0 and 1.
Expr simplified(ScalarOp op, const Expr& a, const Expr& b) {
  switch (op) {
    case ScalarOp::add:
      if (a.is_constant(0)) return b;
      if (b.is_constant(0)) return a;
      break;
    case ScalarOp::sub:
      if (b.is_constant(0)) return a;
      if (a.is_constant(0)) return -b;
      break;
    case ScalarOp::mul:
      if (a.is_constant(0) || b.is_constant(1)) return a;
      if (b.is_constant(0) || a.is_constant(1)) return b;
      if (a.is_constant(-1)) return -b;
      if (b.is_constant(-1)) return -a;
      break;
    case ScalarOp::div:
      if (a.is_constant(0) || b.is_constant(1)) return a;
      break;
    case ScalarOp::neg:
      if (a.op() == ScalarOp::neg) return a.operand(0);
      break;
    default: break;
  }
  return {};
}

}  // namespace

int operand_count(ScalarOp op) { return kInstructions[static_cast<int>(op)].operands; }
std::string_view name_of(ScalarOp op) { return kInstructions[static_cast<int>(op)].name; }

Expr::Expr(double value) : node_(leaf(ScalarOp::constant, 0, value)) {}
Expr Expr::argument(int index) { return Expr(leaf(ScalarOp::argument, index, 0)); }

Expr Expr::make(ScalarOp op, const Expr& a, const Expr& b, const Expr& c) {
  const int count = operand_count(op);
  ATH_ASSERT(count >= 1 && a.defined() && (count < 2 || b.defined()) && (count < 3 || c.defined()));
  if (Expr simple = simplified(op, a, b); simple.defined()) return simple;
  if (op == ScalarOp::where && constant(a)) return a.value() != 0 ? b : c;
  if (constant(a) && (count < 2 || constant(b)) && (count < 3 || constant(c)))
    return apply(op, a.value(), count > 1 ? b.value() : 0, count > 2 ? c.value() : 0);
  auto node = make_ref<ExprNode>();
  node->op = op;
  node->operands[0] = a;
  if (count > 1) node->operands[1] = b;
  if (count > 2) node->operands[2] = c;
  node->hash = static_cast<std::uint64_t>(op) + 1;
  for (int i = 0; i < count; ++i) node->hash = mix(node->hash, node->operands[i].node()->hash);
  return Expr(std::move(node));
}

ScalarOp Expr::op() const { return node_->op; }
double Expr::value() const { return node_->value; }
int Expr::index() const { return node_->index; }
const Expr& Expr::operand(int i) const { return node_->operands[i]; }
bool Expr::is_constant(double value) const {
  return node_->op == ScalarOp::constant && node_->value == value;
}

Expr operator+(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::add, a, b); }
Expr operator-(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::sub, a, b); }
Expr operator*(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::mul, a, b); }
Expr operator/(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::div, a, b); }
Expr operator-(const Expr& a) { return Expr::make(ScalarOp::neg, a); }
Expr operator<(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::lt, a, b); }
Expr operator<=(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::le, a, b); }
Expr operator>(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::gt, a, b); }
Expr operator>=(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::ge, a, b); }
Expr operator==(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::eq, a, b); }
Expr operator!=(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::ne, a, b); }
Expr operator&&(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::logical_and, a, b); }
Expr operator||(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::logical_or, a, b); }
Expr operator!(const Expr& a) { return Expr::make(ScalarOp::logical_not, a); }
Expr max(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::max, a, b); }
Expr min(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::min, a, b); }
Expr pow(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::pow, a, b); }
Expr mod(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::mod, a, b); }
Expr floor_div(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::floor_div, a, b); }
Expr atan2(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::atan2, a, b); }
Expr bit_and(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::bit_and, a, b); }
Expr bit_or(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::bit_or, a, b); }
Expr bit_xor(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::bit_xor, a, b); }
Expr shift_left(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::shift_left, a, b); }
Expr shift_right(const Expr& a, const Expr& b) { return Expr::make(ScalarOp::shift_right, a, b); }
Expr abs(const Expr& a) { return Expr::make(ScalarOp::abs, a); }
Expr sign(const Expr& a) { return Expr::make(ScalarOp::sign, a); }
Expr reciprocal(const Expr& a) { return Expr::make(ScalarOp::reciprocal, a); }
Expr sqrt(const Expr& a) { return Expr::make(ScalarOp::sqrt, a); }
Expr rsqrt(const Expr& a) { return Expr::make(ScalarOp::rsqrt, a); }
Expr exp(const Expr& a) { return Expr::make(ScalarOp::exp, a); }
Expr expm1(const Expr& a) { return Expr::make(ScalarOp::expm1, a); }
Expr log(const Expr& a) { return Expr::make(ScalarOp::log, a); }
Expr log1p(const Expr& a) { return Expr::make(ScalarOp::log1p, a); }
Expr sin(const Expr& a) { return Expr::make(ScalarOp::sin, a); }
Expr cos(const Expr& a) { return Expr::make(ScalarOp::cos, a); }
Expr tanh(const Expr& a) { return Expr::make(ScalarOp::tanh, a); }
Expr sigmoid(const Expr& a) { return Expr::make(ScalarOp::sigmoid, a); }
Expr erf(const Expr& a) { return Expr::make(ScalarOp::erf, a); }
Expr asin(const Expr& a) { return Expr::make(ScalarOp::asin, a); }
Expr acos(const Expr& a) { return Expr::make(ScalarOp::acos, a); }
Expr atan(const Expr& a) { return Expr::make(ScalarOp::atan, a); }
Expr floor(const Expr& a) { return Expr::make(ScalarOp::floor, a); }
Expr ceil(const Expr& a) { return Expr::make(ScalarOp::ceil, a); }
Expr round(const Expr& a) { return Expr::make(ScalarOp::round, a); }
Expr trunc(const Expr& a) { return Expr::make(ScalarOp::trunc, a); }
Expr is_nan(const Expr& a) { return Expr::make(ScalarOp::is_nan, a); }
Expr where(const Expr& condition, const Expr& a, const Expr& b) {
  return Expr::make(ScalarOp::where, condition, a, b);
}

namespace {

// Note [Shared nodes]: an expression is a graph, and gradients of gradients share much of it: a
// walk by paths would take exponential time. Walks remember the results of nodes with several
// owners.
template <class Result, class Visit>
class Walk {
 public:
  explicit Walk(Visit visit) : visit_(std::move(visit)) {}
  Result operator()(const Expr& e) {
    if (e.node()->use_count() == 1) return visit_(*this, e);
    if (const auto known = known_.find(e.node()); known != known_.end()) return known->second;
    Result result = visit_(*this, e);
    known_.emplace(e.node(), result);
    return result;
  }

 private:
  Visit visit_;
  std::unordered_map<const ExprNode*, Result> known_;
};

template <class Result, class Visit>
Result walk(const Expr& e, Visit visit) {
  return Walk<Result, Visit>(std::move(visit))(e);
}

// The derivative by the chain rule; da, db and dc are those of the operands.
Expr chain_rule(const Expr& e, const Expr& da, const Expr& db, const Expr& dc) {
  const Expr& a = e.operand(0);
  const Expr& b = e.operand(1);
  switch (e.op()) {
    case ScalarOp::add: return da + db;
    case ScalarOp::sub: return da - db;
    case ScalarOp::mul: return da * b + a * db;
    case ScalarOp::div: return da / b - db * e / b;
    case ScalarOp::max: return where(a >= b, da, db);
    case ScalarOp::min: return where(a <= b, da, db);
    case ScalarOp::pow: {
      Expr d = da * b * pow(a, b - 1.0);
      if (!db.is_constant(0)) d = d + db * where(a == 0.0, 0.0, e * log(a));
      return d;
    }
    case ScalarOp::mod: return da - db * floor(a / b);
    case ScalarOp::atan2: {
      // Divided by the larger one: squares would overflow.
      const Expr m = max(abs(a), abs(b)), unit = where(m == 0.0, 1.0, m);
      const Expr p = a / unit, q = b / unit;
      return (da * q - db * p) / (unit * (p * p + q * q));
    }
    case ScalarOp::neg: return -da;
    case ScalarOp::abs: return da * sign(a);
    case ScalarOp::reciprocal: return -(da * e * e);
    case ScalarOp::sqrt: return da * 0.5 / e;
    case ScalarOp::rsqrt: return da * -0.5 * e / a;
    case ScalarOp::exp: return da * e;
    case ScalarOp::expm1: return da * exp(a);
    case ScalarOp::log: return da / a;
    case ScalarOp::log1p: return da / (a + 1.0);
    case ScalarOp::sin: return da * cos(a);
    case ScalarOp::cos: return -(da * sin(a));
    case ScalarOp::tanh: return da * (1.0 - e * e);
    case ScalarOp::sigmoid: return da * e * (1.0 - e);
    case ScalarOp::erf:
      return da * 1.1283791670955126 * exp(-(a * a));  // 2 / sqrt(pi)
    // (1 - x)(1 + x) keeps its digits near 1, where 1 - x^2 does not.
    case ScalarOp::asin: return da * rsqrt((1.0 - a) * (1.0 + a));
    case ScalarOp::acos: return -(da * rsqrt((1.0 - a) * (1.0 + a)));
    case ScalarOp::atan: return da / (1.0 + a * a);
    case ScalarOp::where: return where(a, db, dc);
    default: return 0.0;  // sign, rounding, comparisons, logic and bits are flat
  }
}

}  // namespace

double evaluate(const Expr& e, std::span<const double> arguments) {
  return walk<double>(e, [&](auto& self, const Expr& n) -> double {
    if (n.op() == ScalarOp::constant) return n.value();
    if (n.op() == ScalarOp::argument) return arguments[static_cast<std::size_t>(n.index())];
    double v[3] = {};
    for (int i = 0; i < operand_count(n.op()); ++i) v[i] = self(n.operand(i));
    return apply(n.op(), v[0], v[1], v[2]);
  });
}

Expr derivative(const Expr& e, int argument) {
  return walk<Expr>(e, [&](auto& self, const Expr& n) -> Expr {
    if (n.op() == ScalarOp::constant) return 0.0;
    if (n.op() == ScalarOp::argument) return n.index() == argument ? 1.0 : 0.0;
    Expr d[3] = {0.0, 0.0, 0.0};
    // The condition of a where is flat.
    for (int i = n.op() == ScalarOp::where ? 1 : 0; i < operand_count(n.op()); ++i)
      d[i] = self(n.operand(i));
    return chain_rule(n, d[0], d[1], d[2]);
  });
}

Expr substitute(const Expr& e, std::span<const Expr> replacements) {
  return walk<Expr>(e, [&](auto& self, const Expr& n) -> Expr {
    if (n.op() == ScalarOp::constant) return n;
    if (n.op() == ScalarOp::argument) return replacements[static_cast<std::size_t>(n.index())];
    Expr v[3];
    for (int i = 0; i < operand_count(n.op()); ++i) v[i] = self(n.operand(i));
    return Expr::make(n.op(), v[0], v[1], v[2]);
  });
}

namespace {

using Pairs = std::set<std::pair<const ExprNode*, const ExprNode*>>;

// `proved`: pairs of shared nodes that are known to be equal.
bool same_nodes(const Expr& a, const Expr& b, Pairs& proved) {
  if (a.node() == b.node()) return true;
  if (!a.defined() || !b.defined() || hash(a) != hash(b) || a.op() != b.op()) return false;
  if (a.op() == ScalarOp::constant)
    return std::bit_cast<std::uint64_t>(a.value()) == std::bit_cast<std::uint64_t>(b.value());
  if (a.op() == ScalarOp::argument) return a.index() == b.index();
  const bool shared = a.node()->use_count() > 1 && b.node()->use_count() > 1;
  if (shared && proved.contains({a.node(), b.node()})) return true;
  for (int i = 0; i < operand_count(a.op()); ++i)
    if (!same_nodes(a.operand(i), b.operand(i), proved)) return false;
  if (shared) proved.insert({a.node(), b.node()});
  return true;
}

}  // namespace

bool same(const Expr& a, const Expr& b) {
  Pairs proved;
  return same_nodes(a, b, proved);
}

std::uint64_t argument_mask(const Expr& e) {
  std::uint64_t mask = 0;
  walk<int>(e, [&](auto& self, const Expr& n) -> int {
    if (n.op() == ScalarOp::argument && n.index() < 64) mask |= std::uint64_t{1} << n.index();
    for (int i = 0; i < operand_count(n.op()); ++i) self(n.operand(i));
    return 0;
  });
  return mask;
}

std::uint64_t hash(const Expr& e) { return e.defined() ? e.node()->hash : 0; }

std::string to_string(const Expr& e) {
  if (e.op() == ScalarOp::constant) return fmt::format("{}", e.value());
  if (e.op() == ScalarOp::argument) return fmt::format("x{}", e.index());
  std::string out = std::string(name_of(e.op())) + "(";
  for (int i = 0; i < operand_count(e.op()); ++i) out += (i ? ", " : "") + to_string(e.operand(i));
  return out + ")";
}

namespace {

class ExprParser {
 public:
  explicit ExprParser(std::string_view text) : text_(text) {}
  Expr parse() {
    Expr e = expression(0);
    check(at_ == text_.size(), "text after the expression");
    return e;
  }

 private:
  void check(bool ok, const char* what) const {
    require<FormatError>(ok, "expression '{}': {} at position {}", text_.substr(0, 80), what, at_);
  }
  Expr expression(int depth) {
    check(depth < 200, "nested deeper than 200");
    const std::size_t start = at_;
    while (at_ < text_.size() &&
           std::string_view("(), ").find(text_[at_]) == std::string_view::npos)
      ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    check(!word.empty(), "a name or number is missing");
    if (at_ < text_.size() && text_[at_] == '(') {
      for (std::size_t i = 2; i < std::size(kInstructions); ++i)
        if (kInstructions[i].name == word) return call(static_cast<ScalarOp>(i), depth);
      check(false, "unknown instruction");
    }
    if (word[0] == 'x') {
      int index = -1;
      const char* last = word.data() + word.size();
      const auto [end, error] = std::from_chars(word.data() + 1, last, index);
      check(error == std::errc() && end == last && index >= 0 && index < 64,
            "an argument is x0 to x63");
      return Expr::argument(index);
    }
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    check(error == std::errc() && end == word.data() + word.size(), "not a number");
    return value;
  }
  Expr call(ScalarOp op, int depth) {
    Expr v[3];
    for (int i = 0; i < operand_count(op); ++i) {
      ++at_;  // '(' or ','
      while (at_ < text_.size() && text_[at_] == ' ') ++at_;
      v[i] = expression(depth + 1);
      check(at_ < text_.size() && text_[at_] == (i + 1 < operand_count(op) ? ',' : ')'),
            "wrong number of operands");
    }
    ++at_;
    return Expr::make(op, v[0], v[1], v[2]);
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Expr parse_expr(std::string_view text) { return ExprParser(text).parse(); }

}  // namespace athanor
