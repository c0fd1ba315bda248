#pragma once

#include <optional>
#include <vector>

#include "athanor/train/evaluation/evaluation.hpp"
#include "athanor/train/report/report.hpp"

namespace athanor::train::report {

/// A pair of classes that are taken for each other.
struct ConfusedPair {
  int a = 0, b = 0;
  std::int64_t a_said_b = 0, b_said_a = 0;
  std::int64_t both() const { return a_said_b + b_said_a; }
};

/// A wrong answer. Single-label: `label` is what was said. Multi-label: the label of the item that
/// is most surely wrong, given in vain or missed.
struct Mistake {
  std::size_t item = 0;  ///< index into test.predictions
  int label = 0;
  bool missed = false;
  double confidence = 0;  ///< the score of what was said; of a missed label 1 - score
};

/// A threshold above which the model may answer alone, though it may not without one.
struct Assist {
  double threshold = 0;
  ThresholdPoint point;  ///< measured on the test items
};

/// The numbers that sentence, actions and JSON share, each computed once.
struct Facts {
  const ReportInput& input;
  Accuracy accuracy;
  std::vector<ClassScore> scores;
  std::vector<ThresholdPoint> curve;
  bool from_validation = false;
  double threshold = 0.5;
  std::optional<Assist> assist;
  std::vector<ReliabilityBin> bins;
  double calibration = 0;
  std::vector<ConfusedPair> pairs;  ///< most confused first; single-label
  std::vector<Mistake> mistakes;    ///< surest first
  std::int64_t unusable = 0;
  /// Labels given and true, all classes together (single-label: items).
  std::int64_t predicted = 0, support = 0, correct = 0;
  int weakest = -1;           ///< class with the lowest recall among those tested; -1: none
  std::vector<int> blocking;  ///< classes too weak to be ready, weakest first
  std::vector<int> untested;  ///< classes without test items
};
Facts gather(const ReportInput& input);

/// How sure a mistake must be to suspect the label rather than the model.
inline constexpr double kSuspicious = 0.95;

/// Note [When a model is ready]
/// The lower end of the 95 % interval decides, not the accuracy itself: 20 of 20 right is no proof.
///  - single-label: the low end of the accuracy reaches 90 %; multi-label: the low ends of the
///    shares "given labels that are right" and "true labels that are found" reach 85 %;
///  - every class was tested, and none is weak: recall below 80 %, or below 50 % when the class has
///    fewer than 10 test items (one or two mistakes among so few say little);
///  - no score is broken.
/// Single-label, not ready: when there is a threshold from which on at least 50 % of the pictures
/// are answered and the low end of "answered and right" reaches 90 %, the model is ready to answer
/// above it while a person looks at the rest. The threshold is chosen on the validation items when
/// there are any and confirmed on the test items.
enum class Verdict { ready, assist, not_ready, unknown };
inline constexpr double kReadyLow = 0.90, kReadyLowMultiLabel = 0.85, kWeakRecall = 0.80,
                        kWeakRecallFew = 0.50, kAssistAnswered = 0.50;
inline constexpr std::int64_t kFewTestItems = 10;

Verdict verdict(const Facts& facts);
const char* name_of(Verdict verdict);
/// The sentence that decides.
Text sentence(const Facts& facts, Verdict verdict);

/// What to do next, most useful first, at most six: [{code, en, zh, benefit, items}].
nlohmann::json next_actions(const Facts& facts, Verdict verdict);

}  // namespace athanor::train::report
