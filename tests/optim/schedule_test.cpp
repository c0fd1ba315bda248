#include "athanor/optim/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "athanor/base/error.hpp"

namespace athanor {
namespace {

using optim::Schedule;

TEST(Schedule, WarmUpRisesInAStraightLineForEveryKind) {
  for (const auto kind : {Schedule::Kind::constant, Schedule::Kind::step, Schedule::Kind::cosine,
                          Schedule::Kind::linear, Schedule::Kind::exponential,
                          Schedule::Kind::polynomial, Schedule::Kind::noam}) {
    const Schedule s{.kind = kind,
                     .base = 2,
                     .total_steps = 100,
                     .warmup_steps = 10,
                     .warmup_start = 0.5,
                     .step_size = 1000};
    EXPECT_DOUBLE_EQ(s(0), 1);
    EXPECT_DOUBLE_EQ(s(5), 1.5);
    EXPECT_DOUBLE_EQ(s(10), 2);
  }
}

TEST(Schedule, CosineAndLinearReachTheFinalFactorAtTheEndAndStay) {
  Schedule s{.kind = Schedule::Kind::cosine, .base = 1, .total_steps = 100, .final_factor = 0.1};
  EXPECT_DOUBLE_EQ(s(0), 1);
  EXPECT_NEAR(s(50), 0.55, 1e-12);
  // 1 + 2/... of the published formula: eta_min + (eta_max - eta_min) / 2 * (1 + cos(pi t / T))
  EXPECT_NEAR(s(25), 0.1 + 0.45 * (1 + std::sqrt(0.5)), 1e-12);
  EXPECT_NEAR(s(100), 0.1, 1e-12);
  EXPECT_NEAR(s(1000), 0.1, 1e-12);
  s.kind = Schedule::Kind::linear;
  EXPECT_DOUBLE_EQ(s(0), 1);
  EXPECT_DOUBLE_EQ(s(50), 0.55);
  EXPECT_NEAR(s(100), 0.1, 1e-12);
}

TEST(Schedule, StepsFallByGamma) {
  const Schedule s{
      .kind = Schedule::Kind::step, .base = 1, .warmup_steps = 2, .step_size = 3, .gamma = 0.1};
  EXPECT_DOUBLE_EQ(s(4), 1);
  EXPECT_DOUBLE_EQ(s(5), 0.1);
  EXPECT_NEAR(s(8), 0.01, 1e-15);
}

// Expected values: PyTorch 1.13's OneCycleLR(max_lr=0.4, total_steps=21, pct_start=6/21),
// PolynomialLR(total_iters=10, power=2) and ExponentialLR(0.9).
TEST(Schedule, OneCyclePolynomialAndExponentialAgreeWithPyTorch) {
  const Schedule cycle{.kind = Schedule::Kind::one_cycle,
                       .base = 0.4,
                       .total_steps = 20,
                       .warmup_steps = 5,
                       .warmup_start = 1 / 25.0,
                       .final_factor = 1 / 25.0e4};
  const double expected[] = {0.016, 0.363331263, 0.361803552, 0.220906409, 0.066175214, 1.6e-06};
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_NEAR(cycle(4 * i), expected[i], 1e-9) << i;
  const Schedule falling{
      .kind = Schedule::Kind::polynomial, .base = 0.5, .total_steps = 10, .power = 2};
  const double powers[] = {0.5, 0.245, 0.08, 0.005, 0};
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_NEAR(falling(3 * i), powers[i], 1e-12) << i;
  const Schedule shrinking{.kind = Schedule::Kind::exponential, .base = 0.5, .gamma = 0.9};
  EXPECT_NEAR(shrinking(3), 0.3645, 1e-12);
  EXPECT_NEAR(shrinking(6), 0.2657205, 1e-12);
}

// lr = d^-0.5 * min(step^-0.5, step * warmup^-1.5): Vaswani et al. 2017, eq. 3.
TEST(Schedule, NoamIsThatOfThePaper) {
  const double width = 512, warmup = 4000;
  const Schedule s{
      .kind = Schedule::Kind::noam, .base = 1 / std::sqrt(width * warmup), .warmup_steps = 4000};
  for (const std::int64_t step : {1, 1000, 4000, 10000, 100000}) {
    const auto t = static_cast<double>(step);
    EXPECT_NEAR(s(step), std::min(1 / std::sqrt(t), t * std::pow(warmup, -1.5)) / std::sqrt(width),
                1e-15)
        << step;
  }
}

// Expected values: PyTorch 1.13's ReduceLROnPlateau on the same metrics.
TEST(Plateau, FallsAsPyTorchs) {
  optim::Plateau p{
      .learning_rate = 0.5, .factor = 0.5, .patience = 2, .cooldown = 1, .minimum = 0.1};
  const double metrics[] = {1,    0.9,  0.95, 0.91, 0.9,  0.92, 0.9,  0.8,
                            0.85, 0.85, 0.85, 0.85, 0.85, 0.85, 0.85, 0.85};
  const double expected[] = {0.5,  0.5,  0.5,   0.5,   0.25,  0.25,  0.25, 0.25,
                             0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.1,  0.1};
  for (std::size_t i = 0; i < 16; ++i) EXPECT_DOUBLE_EQ(p.report(metrics[i]), expected[i]) << i;
}

TEST(Plateau, GoesOnFromACopyAndTakesNanForNoImprovement) {
  optim::Plateau p{.patience = 1, .larger_is_better = true};
  (void)p.report(0.5);
  (void)p.report(std::nan(""));
  optim::Plateau restored = p;
  EXPECT_EQ(p.report(0.4), restored.report(0.4));
  EXPECT_DOUBLE_EQ(p.learning_rate, 0.01);
  EXPECT_DOUBLE_EQ(p.best, 0.5);
}

TEST(Schedule, NonsenseIsRefused) {
  EXPECT_THROW((Schedule{.power = 0}(0)), ValueError);
  EXPECT_THROW((optim::Plateau{.factor = 1}.report(1)), ValueError);
  EXPECT_THROW(Schedule{}(-1), ValueError);
  EXPECT_THROW(Schedule{.total_steps = 0}(0), ValueError);
  EXPECT_THROW((Schedule{.step_size = 0}(0)), ValueError);
}

}  // namespace
}  // namespace athanor
