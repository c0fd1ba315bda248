#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace athanor::train {

/// A 95 % confidence interval, in [0, 1].
struct Interval {
  double low = 0;
  double high = 1;
};

/// Wilson's score interval of a proportion (Wilson 1927), 95 %. count 0 gives [0, 1].
Interval wilson_interval(std::int64_t correct, std::int64_t count);

/// Scores of one item beside the truth.
struct Prediction {
  std::string item;           ///< the item's stable name in its data set
  std::vector<int> truth;     ///< class indices; one for single-label, any number for multi-label
  std::vector<float> scores;  ///< one per class: softmax (sums to 1) or, multi-label, sigmoid
};

/// What a model said on a set of items.
struct Evaluation {
  std::vector<std::string> classes;
  bool multi_label = false;
  std::vector<Prediction> predictions;

  /// Class with the highest score (the first of equals).
  static int top(const Prediction& prediction);
};

/// Single-label: share of items whose top class is the truth. Multi-label: share whose whole set of
/// labels is right at threshold 0.5.
struct Accuracy {
  double value = 0;
  Interval interval;
  std::int64_t correct = 0;
  std::int64_t count = 0;
};
Accuracy accuracy(const Evaluation& evaluation);

struct ClassScore {
  std::int64_t support = 0;    ///< items of this class
  std::int64_t predicted = 0;  ///< items given this class
  std::int64_t correct = 0;
  double precision = 0;  ///< 0 when nothing was predicted
  double recall = 0;
  double f1 = 0;
  Interval recall_interval;
  double average_precision = 0;  ///< area under precision and recall, one class against the rest
};
std::vector<ClassScore> class_scores(const Evaluation& evaluation);

/// counts[truth][prediction]; single-label only.
std::vector<std::vector<std::int64_t>> confusion(const Evaluation& evaluation);

/// One point of the curve over score thresholds. Single-label: an item is answered when its top
/// score reaches the threshold; multi-label: a label is given when its score reaches it.
struct ThresholdPoint {
  double threshold = 0;
  double precision = 0;  ///< of what is answered; 1 when nothing is
  double recall = 0;     ///< of all items (labels): answered and right
  double answered = 0;   ///< share of items (labels given / labels true) that are answered
};
/// 101 thresholds, 0 to 1.
std::vector<ThresholdPoint> threshold_curve(const Evaluation& evaluation);

/// The threshold with the best F1 of the curve; the middle of the plateau when several tie.
double recommended_threshold(const std::vector<ThresholdPoint>& curve);

/// Expected calibration error over 15 equal bins of the top score (Guo et al. 2017); single-label.
double calibration_error(const Evaluation& evaluation);

}  // namespace athanor::train
