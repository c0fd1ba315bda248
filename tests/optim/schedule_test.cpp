#include "athanor/optim/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "athanor/base/error.hpp"

namespace athanor {
namespace {

using optim::Schedule;

TEST(Schedule, WarmUpRisesInAStraightLineForEveryKind) {
  for (const auto kind : {Schedule::Kind::constant, Schedule::Kind::step, Schedule::Kind::cosine,
                          Schedule::Kind::linear}) {
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

TEST(Schedule, NonsenseIsRefused) {
  EXPECT_THROW(Schedule{}(-1), ValueError);
  EXPECT_THROW(Schedule{.total_steps = 0}(0), ValueError);
  EXPECT_THROW((Schedule{.step_size = 0}(0)), ValueError);
}

}  // namespace
}  // namespace athanor
