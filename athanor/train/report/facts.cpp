#include "athanor/train/report/facts.hpp"

#include <algorithm>
#include <map>

namespace athanor::train::report {

namespace {

std::vector<Mistake> find_mistakes(const Evaluation& e) {
  std::vector<Mistake> mistakes;
  for (std::size_t i = 0; i < e.predictions.size(); ++i) {
    const Prediction& p = e.predictions[i];
    if (!e.counted(p)) continue;
    if (!e.multi_label) {
      const int top = Evaluation::top(p);
      if (!Evaluation::has_label(p, top))
        mistakes.push_back({i, top, false, Evaluation::score(p, top)});
      continue;
    }
    Mistake worst{i, -1, false, -1};
    for (int c = 0; c < static_cast<int>(e.classes.size()); ++c) {
      const double score = Evaluation::score(p, c);
      const bool has = Evaluation::has_label(p, c);
      if ((score >= 0.5) == has) continue;
      const double sure = has ? 1 - score : score;
      if (sure > worst.confidence) worst = {i, c, has, sure};
    }
    if (worst.label >= 0) mistakes.push_back(worst);
  }
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.confidence > b.confidence; });
  return mistakes;
}

std::vector<ConfusedPair> find_pairs(const Evaluation& e, const std::vector<Mistake>& mistakes) {
  std::map<std::pair<int, int>, ConfusedPair> found;
  for (const Mistake& m : mistakes) {
    const int truth = e.predictions[m.item].truth[0];
    const auto [a, b] = std::minmax(truth, m.label);
    ConfusedPair& pair = found.try_emplace({a, b}, ConfusedPair{a, b, 0, 0}).first->second;
    ++(truth == a ? pair.a_said_b : pair.b_said_a);
  }
  std::vector<ConfusedPair> pairs;
  for (const auto& [key, pair] : found) pairs.push_back(pair);
  std::stable_sort(pairs.begin(), pairs.end(), [](const ConfusedPair& a, const ConfusedPair& b) {
    return a.both() > b.both();
  });
  return pairs;
}

/// The lowest threshold that reaches the goal on `from`, when the test items confirm it.
std::optional<Assist> find_assist(const std::vector<ThresholdPoint>& from,
                                  const std::vector<ThresholdPoint>& test) {
  const auto reaches = [](const ThresholdPoint& p) {
    return p.said > 0 && p.answered >= kAssistAnswered &&
           wilson_interval(p.right, p.said).low >= kReadyLow;
  };
  for (std::size_t i = 0; i < from.size(); ++i)
    if (reaches(from[i]))
      // At 0 it is no threshold: the model reaches the goal without one.
      return i > 0 && reaches(test[i]) ? std::optional<Assist>({from[i].threshold, test[i]})
                                       : std::nullopt;
  return std::nullopt;
}

}  // namespace

Facts gather(const ReportInput& input) {
  const Evaluation& test = input.test;
  Facts f{.input = input,
          .accuracy = accuracy(test),
          .scores = class_scores(test),
          .curve = threshold_curve(test),
          .assist = {},
          .bins = reliability(test),
          .pairs = {},
          .mistakes = find_mistakes(test),
          .unusable = unusable_scores(test),
          .blocking = {},
          .untested = {}};
  const std::vector<ThresholdPoint> validation = threshold_curve(input.validation);
  f.from_validation = !validation.empty() && validation[0].all > 0;
  const std::vector<ThresholdPoint>& from = f.from_validation ? validation : f.curve;
  f.threshold = f.from_validation || f.accuracy.count > 0 ? recommended_threshold(from) : 0.5;
  f.calibration = calibration_error(f.bins);
  if (!test.multi_label) {
    f.pairs = find_pairs(test, f.mistakes);
    f.assist = find_assist(from, f.curve);
  }
  for (std::size_t c = 0; c < f.scores.size(); ++c) {
    const ClassScore& s = f.scores[c];
    f.predicted += s.predicted;
    f.support += s.support;
    f.correct += s.correct;
    if (s.support == 0) {
      f.untested.push_back(static_cast<int>(c));
      continue;
    }
    if (f.weakest < 0 || s.recall < f.scores[static_cast<std::size_t>(f.weakest)].recall)
      f.weakest = static_cast<int>(c);
    if (s.recall < (s.support < kFewTestItems ? kWeakRecallFew : kWeakRecall))
      f.blocking.push_back(static_cast<int>(c));
  }
  std::stable_sort(f.blocking.begin(), f.blocking.end(), [&](int a, int b) {
    return f.scores[static_cast<std::size_t>(a)].recall <
           f.scores[static_cast<std::size_t>(b)].recall;
  });
  return f;
}

}  // namespace athanor::train::report
