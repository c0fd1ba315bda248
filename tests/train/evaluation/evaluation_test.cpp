#include "athanor/train/evaluation/evaluation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "athanor/base/error.hpp"

namespace athanor::train {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Evaluation single(std::vector<std::string> classes, std::vector<Prediction> predictions) {
  return {std::move(classes), false, std::move(predictions)};
}

Evaluation multi(std::vector<std::string> classes, std::vector<Prediction> predictions) {
  return {std::move(classes), true, std::move(predictions)};
}

// Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3.
TEST(Wilson, GivesNewcombesTable) {
  const struct {
    std::int64_t correct, count;
    double low, high;
  } rows[] = {{81, 263, 0.2553, 0.3662},
              {15, 148, 0.0624, 0.1605},
              {0, 20, 0, 0.1611},
              {1, 29, 0.0061, 0.1718}};
  for (const auto& row : rows) {
    const Interval i = wilson_interval(row.correct, row.count);
    EXPECT_NEAR(i.low, row.low, 5e-5) << row.correct << " of " << row.count;
    EXPECT_NEAR(i.high, row.high, 5e-5) << row.correct << " of " << row.count;
  }
}

TEST(Wilson, EndsExactlyAtNoneAndAll) {
  for (std::int64_t n = 1; n < 2000; ++n) {
    EXPECT_EQ(wilson_interval(0, n).low, 0);
    EXPECT_EQ(wilson_interval(n, n).high, 1);
    const double z2 = 1.959963984540054 * 1.959963984540054;
    EXPECT_NEAR(wilson_interval(n, n).low, static_cast<double>(n) / (static_cast<double>(n) + z2),
                1e-12);
  }
}

TEST(Wilson, NothingCountedSaysNothing) {
  EXPECT_EQ(wilson_interval(0, 0).low, 0);
  EXPECT_EQ(wilson_interval(0, 0).high, 1);
}

// At 1/2 the width is z / sqrt(n + z^2), at 1 it is z^2 / (n + z^2).
TEST(CountForWidth, SolvesTheClosedForms) {
  EXPECT_EQ(count_for_width(0.5, 0.04), 2398);
  EXPECT_EQ(count_for_width(1, 0.04), 93);
  EXPECT_EQ(count_for_width(0, 0.04), 93);
  EXPECT_EQ(count_for_width(0.5, 1), 1);
}

TEST(CountForWidth, IsTheSmallestCount) {
  for (const double share : {0.0, 0.1, 0.5, 0.8, 0.97})
    for (const double width : {0.01, 0.04, 0.3}) {
      // Wide enough counts that share * n is whole.
      const std::int64_t n = count_for_width(share, width);
      const auto width_at = [&](double count) {
        const double z2 = 3.841458820694124;
        return 2 * std::sqrt(z2 * (share * (1 - share) * count + z2 / 4)) / (count + z2);
      };
      EXPECT_LE(width_at(static_cast<double>(n)), width + 1e-12);
      EXPECT_TRUE(n == 1 || width_at(static_cast<double>(n - 1)) > width - 1e-12);
    }
}

TEST(CountForWidth, ImpossibleWishesAreRefused) {
  EXPECT_THROW(count_for_width(0.5, 0), ValueError);
  EXPECT_THROW(count_for_width(1.5, 0.1), ValueError);
  EXPECT_THROW(count_for_width(std::nan(""), 0.1), ValueError);
}

TEST(Evaluation, TheFirstOfEqualScoresIsTheTop) {
  EXPECT_EQ(Evaluation::top({"", {}, {0.2f, 0.4f, 0.4f}}), 1);
  EXPECT_EQ(Evaluation::top({"", {}, {}}), -1);
}

TEST(Evaluation, ScoresThatAreNoNumbersCountAsNothing) {
  EXPECT_EQ(Evaluation::top({"", {}, {kNan, 0.1f, kNan}}), 1);
  EXPECT_EQ(Evaluation::top({"", {}, {kNan, kNan}}), 0);
  EXPECT_EQ(Evaluation::score({"", {}, {kNan, kInf, -kInf, 7}}, 0), 0);
  EXPECT_EQ(Evaluation::score({"", {}, {kNan, kInf, -kInf, 7}}, 1), 1);
  EXPECT_EQ(Evaluation::score({"", {}, {kNan, kInf, -kInf, 7}}, 2), 0);
  EXPECT_EQ(Evaluation::score({"", {}, {kNan, kInf, -kInf, 7}}, 3), 1);
  const Evaluation e = single(
      {"a", "b"}, {{"x", {1}, {kNan, 0.6f}}, {"y", {0}, {kInf, 0}}, {"z", {0}, {0.5f, 0.5f}}});
  EXPECT_EQ(unusable_scores(e), 2);
  EXPECT_EQ(accuracy(e).correct, 3);
  for (const ClassScore& s : class_scores(e)) EXPECT_TRUE(std::isfinite(s.average_precision));
  EXPECT_TRUE(std::isfinite(calibration_error(e)));
}

TEST(Evaluation, AContradictionIsRefusedWithTheItem) {
  const Evaluation short_scores = single({"a", "b"}, {{"x.jpg", {0}, {1}}});
  const Evaluation no_class = single({"a", "b"}, {{"x.jpg", {2}, {0.5f, 0.5f}}});
  const Evaluation negative = multi({"a"}, {{"x.jpg", {-1}, {0.5f}}});
  for (const Evaluation& e : {short_scores, no_class, negative}) {
    try {
      (void)accuracy(e);
      ADD_FAILURE() << "taken";
    } catch (const ValueError& error) {
      EXPECT_NE(std::string(error.what()).find("x.jpg"), std::string::npos) << error.what();
    }
    EXPECT_THROW((void)class_scores(e), ValueError);
    EXPECT_THROW((void)threshold_curve(e), ValueError);
    EXPECT_THROW((void)reliability(e), ValueError);
    EXPECT_THROW((void)confusion(e), ValueError);
    EXPECT_THROW((void)top_k_accuracy(e, 1), ValueError);
  }
}

TEST(Evaluation, NothingGivesNumbersThatSayNothing) {
  for (const Evaluation& e : {single({}, {}), single({"a", "b"}, {}), multi({"a"}, {})}) {
    EXPECT_EQ(accuracy(e).count, 0);
    EXPECT_EQ(accuracy(e).interval.high, 1);
    EXPECT_EQ(class_scores(e).size(), e.classes.size());
    EXPECT_EQ(threshold_curve(e).size(), 101u);
    EXPECT_EQ(calibration_error(e), 0);
    EXPECT_EQ(top_k_accuracy(e, 3), 0);
  }
}

TEST(Evaluation, ItemsWithoutTruthAreInNoNumber) {
  const Evaluation e = single({"a", "b"}, {{"x", {0}, {0.9f, 0.1f}}, {"y", {}, {0.9f, 0.1f}}});
  EXPECT_EQ(accuracy(e).count, 1);
  EXPECT_EQ(class_scores(e)[0].predicted, 1);
  EXPECT_EQ(threshold_curve(e)[0].said, 1);
  EXPECT_EQ(confusion(e)[0][0], 1);
}

// Four items: a a b b, said a b b b.
Evaluation four() {
  return single({"a", "b"}, {{"1", {0}, {0.9f, 0.1f}},
                             {"2", {0}, {0.3f, 0.7f}},
                             {"3", {1}, {0.4f, 0.6f}},
                             {"4", {1}, {0.2f, 0.8f}}});
}

TEST(Evaluation, CountsBecomePrecisionRecallAndF1) {
  const std::vector<ClassScore> s = class_scores(four());
  EXPECT_EQ(s[0].support, 2);
  EXPECT_EQ(s[0].predicted, 1);
  EXPECT_DOUBLE_EQ(s[0].precision, 1);
  EXPECT_DOUBLE_EQ(s[0].recall, 0.5);
  EXPECT_DOUBLE_EQ(s[0].f1, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s[1].precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s[1].recall, 1);
  EXPECT_DOUBLE_EQ(s[1].f1, 0.8);
  EXPECT_EQ(confusion(four()), (std::vector<std::vector<std::int64_t>>{{1, 1}, {0, 2}}));
}

TEST(Evaluation, TopKCountsTheTruthAmongTheBest) {
  const Evaluation e = single({"a", "b", "c"}, {{"1", {2}, {0.5f, 0.3f, 0.2f}},
                                                {"2", {1}, {0.5f, 0.3f, 0.2f}},
                                                {"3", {0}, {0.2f, 0.2f, 0.2f}},
                                                {"4", {2}, {0.2f, 0.2f, 0.2f}}});
  EXPECT_DOUBLE_EQ(top_k_accuracy(e, 1), 0.25);
  EXPECT_DOUBLE_EQ(top_k_accuracy(e, 2), 0.5);
  EXPECT_DOUBLE_EQ(top_k_accuracy(e, 3), 1);
}

// Ranked + - + + -: (1 + 2/3 + 3/4) / 3.
TEST(AveragePrecision, IsTheMeanOfThePrecisionAtEachPositive) {
  const Evaluation e = multi({"a"}, {{"1", {0}, {0.9f}},
                                     {"2", {}, {0.8f}},
                                     {"3", {0}, {0.7f}},
                                     {"4", {0}, {0.6f}},
                                     {"5", {}, {0.5f}}});
  EXPECT_NEAR(class_scores(e)[0].average_precision, (1 + 2.0 / 3 + 3.0 / 4) / 3, 1e-12);
}

// + first, then + and - at the same score: half of the positives at 1, half at 2/3, in any order.
TEST(AveragePrecision, EqualScoresEnterTogether) {
  std::vector<Prediction> items{
      {"1", {0}, {0.9f}}, {"2", {0}, {0.5f}}, {"3", {}, {0.5f}}, {"4", {}, {0.1f}}};
  EXPECT_NEAR(class_scores(multi({"a"}, items))[0].average_precision, 5.0 / 6, 1e-12);
  std::swap(items[1], items[2]);
  EXPECT_NEAR(class_scores(multi({"a"}, items))[0].average_precision, 5.0 / 6, 1e-12);
}

TEST(AveragePrecision, WithEqualScoresForAllIsTheShareOfPositives) {
  const Evaluation e =
      multi({"a"}, {{"1", {0}, {0.5f}}, {"2", {}, {0.5f}}, {"3", {}, {0.5f}}, {"4", {}, {0.5f}}});
  EXPECT_DOUBLE_EQ(class_scores(e)[0].average_precision, 0.25);
}

TEST(MultiLabel, IsRightWhenEveryLabelIs) {
  const Evaluation e =
      multi({"a", "b"},
            {{"1", {0, 1}, {0.9f, 0.5f}}, {"2", {0}, {0.9f, 0.5f}}, {"3", {}, {0.1f, 0.49f}}});
  EXPECT_EQ(accuracy(e).correct, 2);
  EXPECT_EQ(class_scores(e)[1].predicted, 2);
  EXPECT_DOUBLE_EQ(class_scores(e)[1].precision, 0.5);
  EXPECT_THROW((void)confusion(e), ValueError);
}

TEST(ThresholdCurve, CountsWhatReachesEachThreshold) {
  // Top scores 0.9 right, 0.7 wrong, 0.6 right, 0.8 right.
  const std::vector<ThresholdPoint> curve = threshold_curve(four());
  EXPECT_DOUBLE_EQ(curve[0].precision, 0.75);
  EXPECT_DOUBLE_EQ(curve[0].recall, 0.75);
  EXPECT_DOUBLE_EQ(curve[0].answered, 1);
  EXPECT_EQ(curve[65].said, 3);
  EXPECT_EQ(curve[65].right, 2);
  EXPECT_DOUBLE_EQ(curve[75].precision, 1);
  EXPECT_DOUBLE_EQ(curve[75].recall, 0.5);
  EXPECT_DOUBLE_EQ(curve[75].answered, 0.5);
  EXPECT_DOUBLE_EQ(curve[100].precision, 1) << "nothing said, nothing wrong";
  EXPECT_DOUBLE_EQ(curve[100].answered, 0);
}

TEST(ThresholdCurve, DecidesAsComparingTheScoreDoes) {
  std::vector<Prediction> items;
  for (int i = 0; i <= 400; ++i) items.push_back({"", {0}, {static_cast<float>(i) / 400.0f, 0}});
  const Evaluation e = single({"a", "b"}, items);
  for (const ThresholdPoint& p : threshold_curve(e)) {
    std::int64_t said = 0;
    for (const Prediction& item : items) said += static_cast<double>(item.scores[0]) >= p.threshold;
    EXPECT_EQ(p.said, said) << p.threshold;
  }
}

TEST(ThresholdCurve, OfLabelsCountsLabels) {
  const Evaluation e = multi({"a", "b"}, {{"1", {0, 1}, {0.9f, 0.2f}}, {"2", {1}, {0.6f, 0.8f}}});
  const std::vector<ThresholdPoint> curve = threshold_curve(e);
  EXPECT_DOUBLE_EQ(curve[0].precision, 0.75);
  EXPECT_DOUBLE_EQ(curve[0].recall, 1);
  EXPECT_DOUBLE_EQ(curve[50].precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(curve[50].recall, 2.0 / 3);
  EXPECT_DOUBLE_EQ(curve[70].precision, 1);
}

TEST(RecommendedThreshold, IsTheMiddleOfThePlateau) {
  // All right: F1 is 1 for thresholds 0 to 0.80.
  Evaluation e = single({"a", "b"}, {{"1", {0}, {0.9f, 0.1f}}, {"2", {1}, {0.2f, 0.8f}}});
  EXPECT_NEAR(recommended_threshold(threshold_curve(e)), 0.40, 1e-12);
  // A wrong one of 0.6 is best left out: 0.61 to 0.80.
  e.predictions.push_back({"3", {1}, {0.6f, 0.4f}});
  EXPECT_NEAR(recommended_threshold(threshold_curve(e)), 0.705, 1e-12);
}

TEST(RecommendedThreshold, OfTwoPlateausTakesTheFirst) {
  const auto point = [](double t, double f1) {
    ThresholdPoint p;
    p.threshold = t;
    p.precision = p.recall = f1;
    return p;
  };
  EXPECT_NEAR(recommended_threshold({point(0, 0.5), point(0.1, 0.9), point(0.2, 0.9),
                                     point(0.3, 0.5), point(0.4, 0.9), point(0.5, 0.9)}),
              0.15, 1e-12);
  EXPECT_EQ(recommended_threshold({}), 0.5);
}

// Ten answers of 0.95 of which 8 are right, ten of 0.65 of which 6 are: (0.15 + 0.05) / 2.
TEST(Calibration, IsTheMeanDistanceOfScoreAndShare) {
  std::vector<Prediction> items;
  for (int i = 0; i < 10; ++i) items.push_back({"", {i < 8 ? 0 : 1}, {0.95f, 0.05f}});
  for (int i = 0; i < 10; ++i) items.push_back({"", {i < 6 ? 0 : 1}, {0.65f, 0.35f}});
  const Evaluation e = single({"a", "b"}, items);
  EXPECT_NEAR(calibration_error(e), 0.10, 1e-6);
  const std::vector<ReliabilityBin> bins = reliability(e);
  ASSERT_EQ(bins.size(), 15u);
  EXPECT_EQ(bins[14].count, 10);
  EXPECT_NEAR(bins[14].accuracy, 0.8, 1e-12);
  EXPECT_EQ(bins[9].count, 10);  // 0.65 * 15 = 9.75
  EXPECT_NEAR(bins[9].confidence, 0.65, 1e-6);
}

TEST(Calibration, AScoreOfOneIsInTheLastBin) {
  const Evaluation e = single({"a"}, {{"1", {0}, {1}}});
  EXPECT_EQ(reliability(e)[14].count, 1);
  EXPECT_EQ(calibration_error(e), 0);
}

TEST(Calibration, OfLabelsLooksAtEveryScore) {
  const Evaluation e = multi({"a", "b"}, {{"1", {0}, {0.9f, 0.1f}}, {"2", {0}, {0.9f, 0.1f}}});
  EXPECT_NEAR(calibration_error(e), 0.1, 1e-6);
}

}  // namespace
}  // namespace athanor::train
