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

/// How many items make Wilson's interval of this proportion at most `width` wide. Throws ValueError
/// unless proportion is in [0, 1] and width in (0, 1].
std::int64_t count_for_width(double proportion, double width);

/// Scores of one item beside the truth.
struct Prediction {
  std::string item;           ///< the item's stable name in its data set
  std::vector<int> truth;     ///< class indices; one for single-label, any number for multi-label
  std::vector<float> scores;  ///< one per class: softmax (sums to 1) or, multi-label, sigmoid
};

/// What a model said on a set of items. Single-label items without a truth are in no number below.
/// A score that is not a number counts as 0, one outside [0, 1] as the nearer end. Every function
/// that takes an Evaluation throws ValueError when an item has more or fewer scores than there are
/// classes, or a truth that is no class.
struct Evaluation {
  std::vector<std::string> classes;
  bool multi_label = false;
  std::vector<Prediction> predictions;

  /// Class with the highest score (the first of equals); -1 when there are no scores.
  static int top(const Prediction& prediction);
  /// The score of a class in [0, 1]; 0 for one that is not a number.
  static double score(const Prediction& prediction, int label);
  static bool has_label(const Prediction& prediction, int label);
  /// Whether the top class is a truth (single-label) or the whole set of labels is right at
  /// threshold 0.5 (multi-label).
  bool right(const Prediction& prediction) const;
  /// Whether the item is in the numbers: it has a truth, or is multi-label, where none is one too.
  bool counted(const Prediction& prediction) const {
    return multi_label || !prediction.truth.empty();
  }
};

/// Items with a score that is not a number or infinite: the model is broken.
std::int64_t unusable_scores(const Evaluation& evaluation);

/// Share of the counted items that are right.
struct Accuracy {
  double value = 0;
  Interval interval;
  std::int64_t correct = 0;
  std::int64_t count = 0;
};
Accuracy accuracy(const Evaluation& evaluation);

/// Single-label: share of items whose truth is among the k highest scores (of equal scores the
/// first classes); 0 without items.
double top_k_accuracy(const Evaluation& evaluation, int k);

struct ClassScore {
  std::int64_t support = 0;    ///< items of this class
  std::int64_t predicted = 0;  ///< items given this class (multi-label: at threshold 0.5)
  std::int64_t correct = 0;
  double precision = 0;  ///< 0 when nothing was predicted
  double recall = 0;     ///< 0 without items
  double f1 = 0;
  Interval recall_interval;
  double average_precision = 0;  ///< area under precision and recall, one class against the rest
};
std::vector<ClassScore> class_scores(const Evaluation& evaluation);

/// counts[truth][prediction]; single-label only. Of an item with several truths the first counts.
std::vector<std::vector<std::int64_t>> confusion(const Evaluation& evaluation);

/// One point of the curve over score thresholds. Single-label: an item is answered when its top
/// score reaches the threshold; multi-label: a label is given when its score reaches it.
struct ThresholdPoint {
  double threshold = 0;
  double precision = 0;    ///< of what is answered; 1 when nothing is
  double recall = 0;       ///< of all items (labels): answered and right
  double answered = 0;     ///< share of items (labels given / labels true) that are answered
  std::int64_t said = 0;   ///< answers (labels given)
  std::int64_t right = 0;  ///< of these, right
  std::int64_t all = 0;    ///< items (true labels)
};
/// 101 thresholds, 0 to 1.
std::vector<ThresholdPoint> threshold_curve(const Evaluation& evaluation);

/// The threshold with the best F1 of the curve; the middle of the plateau when several tie (of two
/// plateaus the first); 0.5 for an empty curve.
double recommended_threshold(const std::vector<ThresholdPoint>& curve);

/// One bin of the reliability diagram.
struct ReliabilityBin {
  double low = 0, high = 0;  ///< scores in [low, high); the last takes 1 too
  std::int64_t count = 0;
  double confidence = 0;  ///< mean score; 0 without items
  double accuracy = 0;    ///< share that is right; 0 without items
};
/// 15 equal bins of the top score and whether it is right; multi-label: of every score of every
/// label and whether the item has it.
std::vector<ReliabilityBin> reliability(const Evaluation& evaluation);

/// Expected calibration error over these bins (Guo et al. 2017): the mean distance between score
/// and share that is right, weighted by count; 0 without items.
double calibration_error(const std::vector<ReliabilityBin>& bins);
double calibration_error(const Evaluation& evaluation);

}  // namespace athanor::train
