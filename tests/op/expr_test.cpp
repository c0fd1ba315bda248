#include <gtest/gtest.h>

#include <cmath>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/op/expr.hpp"

namespace athanor {
namespace {

const Expr x0 = Expr::argument(0), x1 = Expr::argument(1), x2 = Expr::argument(2);

double central_difference(const Expr& e, std::vector<double> at, int argument) {
  const double h = 1e-6;
  auto& slot = at[static_cast<std::size_t>(argument)];
  const double middle = slot;
  slot = middle + h;
  const double high = evaluate(e, at);
  slot = middle - h;
  return (high - evaluate(e, at)) / (2 * h);
}

class Derivative : public testing::TestWithParam<Expr> {};

TEST_P(Derivative, AgreesWithCentralDifferencesOnceAndTwice) {
  const Expr& e = GetParam();
  Random random({1, 2});
  for (int i = 0; i < 50; ++i) {
    const std::vector<double> at = {0.3 + static_cast<double>(random.uniform()),
                                    1.4 + 0.5 * static_cast<double>(random.uniform()),
                                    -0.7 + 0.3 * static_cast<double>(random.uniform())};
    for (int a = 0; a < 3; ++a) {
      const Expr d = derivative(e, a);
      EXPECT_NEAR(evaluate(d, at), central_difference(e, at, a), 2e-7)
          << to_string(e) << " by x" << a;
      for (int b = 0; b < 3; ++b)
        EXPECT_NEAR(evaluate(derivative(d, b), at), central_difference(d, at, b), 2e-6)
            << to_string(e) << " by x" << a << " and x" << b;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Derivative,
                         testing::Values(x0 + x1, x0 - x1 * x2, x0* x1* x2, x0 / x1,
                                         max(x0, x1 * 0.5), min(x0, x2), pow(x0, x1), pow(x0, 3.0),
                                         pow(x1, -1.5), -x0, abs(x2), reciprocal(x0), sqrt(x0),
                                         rsqrt(x1), exp(x0* x2), expm1(x0), log(x0 + x1), log1p(x0),
                                         sin(x0* x1), cos(x2), tanh(x0), sigmoid(x0 - x1), erf(x0),
                                         sign(x2) * x0, where(x0 < x1, x0* x1, x2), x0* sigmoid(x0),
                                         0.5 * x0 * (1.0 + erf(x0 * 0.70710678118654752)),
                                         (x0 < x1) * x2 + is_nan(x0) * x1,
                                         exp(-(x0* x0)) / sqrt(x1)));

TEST(Expr, TextIsReadBackAsTheSameExpression) {
  for (const Expr& e :
       {x0, Expr(0.1), Expr(-1e-300), x0 + x1 * 0.5, where(x0 < x1, -x2, mod(x0, x1)),
        pow(max(x0, 0.0), sigmoid(x1)), Expr(1.0 / 3) * x0, x0 * Expr(HUGE_VAL), !(x0 && x1)}) {
    const Expr again = parse_expr(to_string(e));
    EXPECT_TRUE(same(e, again)) << to_string(e);
    EXPECT_EQ(hash(e), hash(again));
  }
  EXPECT_EQ(to_string(x0 * sigmoid(x0)), "mul(x0, sigmoid(x0))");
}

TEST(Expr, HostileTextIsRefusedWithItsPlace) {
  std::string deep, wide = "x0";
  for (int i = 0; i < 100000; ++i) deep += "neg(";
  for (const std::string& text : {std::string(),
                                  std::string("x"),
                                  std::string("x-1"),
                                  std::string("x64"),
                                  std::string("x99999999999999"),
                                  std::string("add(x0)"),
                                  std::string("add(x0, x1, x2)"),
                                  std::string("add(x0, x1"),
                                  std::string("nope(x0)"),
                                  std::string("x0 x1"),
                                  std::string("1e"),
                                  std::string("constant(1)"),
                                  std::string("argument(0)"),
                                  std::string("add(,x0)"),
                                  std::string("add(x0,)"),
                                  std::string("("),
                                  std::string(")"),
                                  std::string("x0)"),
                                  std::string("x0y"),
                                  std::string("\0x0", 3),
                                  std::string("sin()"),
                                  deep})
    EXPECT_THROW(parse_expr(text), FormatError) << text.substr(0, 40);
}

TEST(Expr, ASharedSubexpressionIsNotWalkedTwice) {
  // 2^60 paths through 60 nodes: only a walk over nodes ends.
  Expr e = x0;
  for (int i = 0; i < 60; ++i) e = e + e;
  EXPECT_NE(hash(e), 0u);
  const Expr d = derivative(e, 0);
  EXPECT_EQ(evaluate(d, std::array{1.0}), 0x1p60);
  EXPECT_EQ(evaluate(substitute(e, std::array{x1}), std::array{0.0, 1.0}), 0x1p60);
}

TEST(Expr, IdentitiesWithZeroAndOneVanish) {
  EXPECT_TRUE(same(x0 + 0.0, x0));
  EXPECT_TRUE(same(1.0 * x0, x0));
  EXPECT_TRUE((x0 * 0.0).is_constant(0));
  EXPECT_TRUE(same(-(-x0), x0));
  EXPECT_TRUE((Expr(2.0) * 3.0).is_constant(6));
}

TEST(Expr, RestHasTheSignOfTheDivisor) {
  const auto mod_of = [](double a, double b) { return evaluate(mod(x0, x1), std::array{a, b}); };
  EXPECT_EQ(mod_of(7, 3), 1);
  EXPECT_EQ(mod_of(-7, 3), 2);
  EXPECT_EQ(mod_of(7, -3), -2);
  EXPECT_EQ(mod_of(-7, -3), -1);
  EXPECT_EQ(mod_of(5, HUGE_VAL), 5);
}

}  // namespace
}  // namespace athanor
