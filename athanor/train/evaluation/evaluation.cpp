#include "athanor/train/evaluation/evaluation.hpp"

#include <algorithm>
#include <cmath>

namespace athanor::train {

namespace {

bool has_label(const Prediction& p, int label) {
  return std::find(p.truth.begin(), p.truth.end(), label) != p.truth.end();
}

double ratio(std::int64_t part, std::int64_t whole, double otherwise) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : otherwise;
}

// Whether the evaluation gives this item this class, and whether the item has it.
bool given(const Evaluation& e, const Prediction& p, int label) {
  return e.multi_label ? p.scores[static_cast<std::size_t>(label)] >= 0.5f
                       : Evaluation::top(p) == label;
}

double average_precision(const Evaluation& e, int label) {
  std::vector<std::pair<float, bool>> ranked;
  std::int64_t positives = 0;
  for (const Prediction& p : e.predictions) {
    const bool positive = has_label(p, label);
    ranked.emplace_back(p.scores[static_cast<std::size_t>(label)], positive);
    positives += positive;
  }
  if (positives == 0) return 0;
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  double area = 0;
  std::int64_t seen = 0, found = 0;
  for (std::size_t i = 0; i < ranked.size();) {
    // Items of equal score enter together: their order among themselves means nothing.
    std::size_t end = i;
    std::int64_t fresh = 0;
    while (end < ranked.size() && ranked[end].first == ranked[i].first)
      fresh += ranked[end++].second;
    seen += static_cast<std::int64_t>(end - i);
    found += fresh;
    area += ratio(fresh, positives, 0) * ratio(found, seen, 0);
    i = end;
  }
  return area;
}

}  // namespace

Interval wilson_interval(std::int64_t correct, std::int64_t count) {
  if (count <= 0) return {};
  const double z = 1.959963984540054, n = static_cast<double>(count),
               p = static_cast<double>(correct) / n;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

int Evaluation::top(const Prediction& p) {
  return static_cast<int>(std::max_element(p.scores.begin(), p.scores.end()) - p.scores.begin());
}

Accuracy accuracy(const Evaluation& e) {
  Accuracy a;
  a.count = static_cast<std::int64_t>(e.predictions.size());
  for (const Prediction& p : e.predictions) {
    bool right = true;
    if (e.multi_label) {
      for (int c = 0; c < static_cast<int>(e.classes.size()); ++c)
        right = right && given(e, p, c) == has_label(p, c);
    } else {
      right = has_label(p, Evaluation::top(p));
    }
    a.correct += right;
  }
  a.value = ratio(a.correct, a.count, 0);
  a.interval = wilson_interval(a.correct, a.count);
  return a;
}

std::vector<ClassScore> class_scores(const Evaluation& e) {
  std::vector<ClassScore> scores(e.classes.size());
  for (int c = 0; c < static_cast<int>(e.classes.size()); ++c) {
    ClassScore& s = scores[static_cast<std::size_t>(c)];
    for (const Prediction& p : e.predictions) {
      const bool truth = has_label(p, c), said = given(e, p, c);
      s.support += truth;
      s.predicted += said;
      s.correct += truth && said;
    }
    s.precision = ratio(s.correct, s.predicted, 0);
    s.recall = ratio(s.correct, s.support, 0);
    s.f1 = s.correct ? 2 * s.precision * s.recall / (s.precision + s.recall) : 0;
    s.recall_interval = wilson_interval(s.correct, s.support);
    s.average_precision = average_precision(e, c);
  }
  return scores;
}

std::vector<std::vector<std::int64_t>> confusion(const Evaluation& e) {
  std::vector<std::vector<std::int64_t>> counts(e.classes.size(),
                                                std::vector<std::int64_t>(e.classes.size()));
  for (const Prediction& p : e.predictions)
    if (!p.truth.empty())
      ++counts[static_cast<std::size_t>(p.truth[0])][static_cast<std::size_t>(Evaluation::top(p))];
  return counts;
}

std::vector<ThresholdPoint> threshold_curve(const Evaluation& e) {
  std::vector<ThresholdPoint> curve;
  for (int step = 0; step <= 100; ++step) {
    const double threshold = step / 100.0;
    std::int64_t said = 0, right = 0, all = 0;
    for (const Prediction& p : e.predictions) {
      if (e.multi_label) {
        for (int c = 0; c < static_cast<int>(e.classes.size()); ++c) {
          const bool answer =
              static_cast<double>(p.scores[static_cast<std::size_t>(c)]) >= threshold;
          said += answer;
          right += answer && has_label(p, c);
          all += has_label(p, c);
        }
      } else {
        const int top = Evaluation::top(p);
        const bool answer =
            static_cast<double>(p.scores[static_cast<std::size_t>(top)]) >= threshold;
        said += answer;
        right += answer && has_label(p, top);
        ++all;
      }
    }
    curve.push_back({threshold, ratio(right, said, 1), ratio(right, all, 0), ratio(said, all, 0)});
  }
  return curve;
}

double recommended_threshold(const std::vector<ThresholdPoint>& curve) {
  const auto f1 = [](const ThresholdPoint& p) {
    return p.precision + p.recall > 0 ? 2 * p.precision * p.recall / (p.precision + p.recall) : 0.0;
  };
  double best = -1;
  std::size_t first = 0, last = 0;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double value = f1(curve[i]);
    if (value > best + 1e-12) {
      best = value;
      first = last = i;
    } else if (value > best - 1e-12 && i == last + 1) {
      last = i;
    }
  }
  return curve.empty() ? 0.5 : (curve[first].threshold + curve[last].threshold) / 2;
}

double calibration_error(const Evaluation& e) {
  constexpr int bins = 15;
  double confidence[bins] = {};
  std::int64_t right[bins] = {}, count[bins] = {};
  for (const Prediction& p : e.predictions) {
    const int top = Evaluation::top(p);
    const double score = static_cast<double>(p.scores[static_cast<std::size_t>(top)]);
    const int bin = std::clamp(static_cast<int>(score * bins), 0, bins - 1);
    confidence[bin] += score;
    right[bin] += has_label(p, top);
    ++count[bin];
  }
  double error = 0;
  for (int b = 0; b < bins; ++b)
    error += std::fabs(confidence[b] - static_cast<double>(right[b])) /
             std::max<double>(1, static_cast<double>(e.predictions.size()));
  return error;
}

}  // namespace athanor::train
