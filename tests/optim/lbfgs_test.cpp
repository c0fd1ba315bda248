#include "athanor/optim/lbfgs.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "athanor/base/error.hpp"

namespace athanor {
namespace {

// Rosenbrock 1960: a bent valley with its lowest point at (1, 1).
double rosenbrock(std::span<const double> x, std::span<double> g) {
  const double a = 1 - x[0], b = x[1] - x[0] * x[0];
  g[0] = -2 * a - 400 * x[0] * b;
  g[1] = 200 * b;
  return a * a + 100 * b * b;
}

// Condition number 10,000, lowest at (1, 2, 3, ...).
double bowl(std::span<const double> x, std::span<double> g) {
  double value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double steep =
        std::pow(10.0, 4.0 * static_cast<double>(i) / static_cast<double>(x.size() - 1));
    const double away = x[i] - static_cast<double>(i + 1);
    value += 0.5 * steep * away * away;
    g[i] = steep * away;
  }
  return value;
}

TEST(Lbfgs, FindsTheEndOfRosenbrocksValley) {
  std::vector<double> x{-1.2, 1};
  const auto result = optim::minimize_lbfgs(rosenbrock, x);
  EXPECT_TRUE(result.converged);
  EXPECT_LT(result.iterations, 100);
  EXPECT_NEAR(x[0], 1, 1e-4);
  EXPECT_NEAR(x[1], 1, 1e-4);
  EXPECT_LT(result.value, 1e-8);
}

TEST(Lbfgs, MinimisesAnIllConditionedBowl) {
  std::vector<double> x(50, 0.0);
  const auto result = optim::minimize_lbfgs(bowl, x, {.max_iterations = 1000});
  EXPECT_TRUE(result.converged);
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(x[i], static_cast<double>(i + 1), 1e-3) << i;
}

TEST(Lbfgs, NeverEndsHigherThanItBegan) {
  for (int most : {1, 2, 3, 5, 8}) {
    std::vector<double> x{-1.2, 1}, g(2);
    const double before = rosenbrock(x, g);
    const auto result = optim::minimize_lbfgs(rosenbrock, x, {.max_iterations = most});
    EXPECT_LE(result.iterations, most);
    EXPECT_LT(result.value, before);
    EXPECT_EQ(result.value, rosenbrock(x, g));
  }
}

TEST(Lbfgs, StaysWhereTheGradientIsZero) {
  std::vector<double> x{1, 1};
  const auto result = optim::minimize_lbfgs(rosenbrock, x);
  EXPECT_TRUE(result.converged);
  EXPECT_EQ(result.iterations, 0);
  EXPECT_EQ(x, (std::vector<double>{1, 1}));
}

TEST(Lbfgs, GoesAroundPlacesWithoutAValue) {
  // log x - x, turned around: undefined at and below 0, lowest at 1.
  const auto function = [](std::span<const double> x, std::span<double> g) {
    g[0] = 1 - 1 / x[0];
    return x[0] > 0 ? x[0] - std::log(x[0]) : std::numeric_limits<double>::quiet_NaN();
  };
  std::vector<double> x{0.01};
  optim::minimize_lbfgs(function, x);
  EXPECT_NEAR(x[0], 1, 1e-4);
}

TEST(Lbfgs, RefusesAStartWithoutAValue) {
  std::vector<double> x{0};
  EXPECT_THROW(optim::minimize_lbfgs(
                   [](auto, auto g) {
                     g[0] = 1;
                     return std::numeric_limits<double>::infinity();
                   },
                   x),
               ValueError);
}

}  // namespace
}  // namespace athanor
