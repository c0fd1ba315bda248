#include "athanor/train/evaluation/evaluation.hpp"

#include <algorithm>
#include <cmath>

#include "athanor/base/error.hpp"

namespace athanor::train {

namespace {

constexpr double kGiven = 0.5;  // the score from which a multi-label class is given
constexpr int kSteps = 100;
constexpr int kBins = 15;

double ratio(std::int64_t part, std::int64_t whole, double otherwise) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : otherwise;
}

int class_count(const Evaluation& e) { return static_cast<int>(e.classes.size()); }

void check(const Evaluation& e) {
  for (const Prediction& p : e.predictions) {
    require(p.scores.size() == e.classes.size(),
            "evaluation: item '{}' has {} scores, but there are {} classes", p.item,
            p.scores.size(), e.classes.size());
    for (int label : p.truth)
      require(label >= 0 && label < class_count(e),
              "evaluation: item '{}' has the truth {}, but classes go from 0 to {}", p.item, label,
              class_count(e) - 1);
    require(e.multi_label || !e.classes.empty() || p.truth.empty(),
            "evaluation: item '{}' is to be one of no classes", p.item);
  }
}

double average_precision(const Evaluation& e, int label) {
  std::vector<std::pair<double, bool>> ranked;
  std::int64_t positives = 0;
  for (const Prediction& p : e.predictions) {
    if (!e.counted(p)) continue;
    const bool positive = Evaluation::has_label(p, label);
    ranked.emplace_back(Evaluation::score(p, label), positive);
    positives += positive;
  }
  if (positives == 0) return 0;
  std::sort(ranked.begin(), ranked.end(),
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

// The last of the 101 thresholds that this score reaches.
int last_step_reached(double score) {
  int step = std::clamp(static_cast<int>(score * kSteps), 0, kSteps);
  // The product may round across a step; what decides is the comparison that a service makes.
  while (step < kSteps && score >= (step + 1) / static_cast<double>(kSteps)) ++step;
  while (step > 0 && score < step / static_cast<double>(kSteps)) --step;
  return step;
}

}  // namespace

Interval wilson_interval(std::int64_t correct, std::int64_t count) {
  if (count <= 0) return {};
  const double z = 1.959963984540054, n = static_cast<double>(count),
               p = static_cast<double>(correct) / n;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  // With none or all right the formula ends exactly at 0 or 1; rounding must not move it.
  return {correct == 0 ? 0.0 : std::max(0.0, middle - half),
          correct == count ? 1.0 : std::min(1.0, middle + half)};
}

std::int64_t count_for_width(double proportion, double width) {
  require(proportion >= 0 && proportion <= 1 && width > 0 && width <= 1,
          "count_for_width: proportion {} must be in [0, 1], width {} in (0, 1]", proportion,
          width);
  const auto wide = [&](std::int64_t n) {
    const double z2 = 1.959963984540054 * 1.959963984540054, count = static_cast<double>(n);
    return 2 / (1 + z2 / count) *
               std::sqrt(z2 * (proportion * (1 - proportion) / count + z2 / (4 * count * count))) >
           width;
  };
  std::int64_t high = 1;
  while (wide(high) && high < (std::int64_t{1} << 52)) high *= 2;
  std::int64_t low = high / 2;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (wide(middle) ? low : high) = middle;
  }
  return high;
}

int Evaluation::top(const Prediction& p) {
  int best = -1;
  double highest = -1;
  for (int c = 0; c < static_cast<int>(p.scores.size()); ++c)
    if (const double s = score(p, c); s > highest) {
      highest = s;
      best = c;
    }
  return best;
}

double Evaluation::score(const Prediction& p, int label) {
  const float s = p.scores[static_cast<std::size_t>(label)];
  return std::isnan(s) ? 0.0 : std::clamp(static_cast<double>(s), 0.0, 1.0);
}

bool Evaluation::has_label(const Prediction& p, int label) {
  return std::find(p.truth.begin(), p.truth.end(), label) != p.truth.end();
}

bool Evaluation::right(const Prediction& p) const {
  if (!multi_label) return has_label(p, top(p));
  for (int c = 0; c < class_count(*this); ++c)
    if ((score(p, c) >= kGiven) != has_label(p, c)) return false;
  return true;
}

std::int64_t unusable_scores(const Evaluation& e) {
  return std::count_if(e.predictions.begin(), e.predictions.end(), [](const Prediction& p) {
    return !std::all_of(p.scores.begin(), p.scores.end(), [](float s) { return std::isfinite(s); });
  });
}

Accuracy accuracy(const Evaluation& e) {
  check(e);
  Accuracy a;
  for (const Prediction& p : e.predictions) {
    if (!e.counted(p)) continue;
    ++a.count;
    a.correct += e.right(p);
  }
  a.value = ratio(a.correct, a.count, 0);
  a.interval = wilson_interval(a.correct, a.count);
  return a;
}

double top_k_accuracy(const Evaluation& e, int k) {
  check(e);
  std::int64_t right = 0, count = 0;
  for (const Prediction& p : e.predictions) {
    if (!e.counted(p)) continue;
    ++count;
    const bool found = std::any_of(p.truth.begin(), p.truth.end(), [&](int truth) {
      const double own = Evaluation::score(p, truth);
      int before = 0;
      for (int c = 0; c < class_count(e); ++c) {
        const double other = Evaluation::score(p, c);
        before += other > own || (other == own && c < truth);
      }
      return before < k;
    });
    right += found;
  }
  return ratio(right, count, 0);
}

std::vector<ClassScore> class_scores(const Evaluation& e) {
  check(e);
  std::vector<ClassScore> scores(e.classes.size());
  for (const Prediction& p : e.predictions) {
    if (!e.counted(p)) continue;
    const int top = e.multi_label ? -1 : Evaluation::top(p);
    for (int c = 0; c < class_count(e); ++c) {
      ClassScore& s = scores[static_cast<std::size_t>(c)];
      const bool truth = Evaluation::has_label(p, c);
      const bool said = e.multi_label ? Evaluation::score(p, c) >= kGiven : c == top;
      s.support += truth;
      s.predicted += said;
      s.correct += truth && said;
    }
  }
  for (int c = 0; c < class_count(e); ++c) {
    ClassScore& s = scores[static_cast<std::size_t>(c)];
    s.precision = ratio(s.correct, s.predicted, 0);
    s.recall = ratio(s.correct, s.support, 0);
    s.f1 = ratio(2 * s.correct, s.predicted + s.support, 0);
    s.recall_interval = wilson_interval(s.correct, s.support);
    s.average_precision = average_precision(e, c);
  }
  return scores;
}

std::vector<std::vector<std::int64_t>> confusion(const Evaluation& e) {
  check(e);
  require(!e.multi_label, "confusion: items with several labels have no single confusion matrix");
  std::vector<std::vector<std::int64_t>> counts(e.classes.size(),
                                                std::vector<std::int64_t>(e.classes.size()));
  for (const Prediction& p : e.predictions)
    if (!p.truth.empty())
      ++counts[static_cast<std::size_t>(p.truth[0])][static_cast<std::size_t>(Evaluation::top(p))];
  return counts;
}

std::vector<ThresholdPoint> threshold_curve(const Evaluation& e) {
  check(e);
  // What ends at each step; summed from the end it is what each threshold still answers.
  std::int64_t said[kSteps + 1] = {}, right[kSteps + 1] = {}, all = 0;
  const auto enter = [&](double score, bool is_right) {
    const int step = last_step_reached(score);
    ++said[step];
    right[step] += is_right;
  };
  for (const Prediction& p : e.predictions) {
    if (!e.counted(p)) continue;
    if (e.multi_label) {
      for (int c = 0; c < class_count(e); ++c) {
        const bool has = Evaluation::has_label(p, c);
        enter(Evaluation::score(p, c), has);
        all += has;
      }
    } else {
      const int top = Evaluation::top(p);
      enter(Evaluation::score(p, top), Evaluation::has_label(p, top));
      ++all;
    }
  }
  std::vector<ThresholdPoint> curve(kSteps + 1);
  std::int64_t answers = 0, correct = 0;
  for (int step = kSteps; step >= 0; --step) {
    answers += said[step];
    correct += right[step];
    ThresholdPoint& point = curve[static_cast<std::size_t>(step)];
    point.threshold = step / static_cast<double>(kSteps);
    point.precision = ratio(correct, answers, 1);
    point.recall = ratio(correct, all, 0);
    point.answered = ratio(answers, all, 0);
    point.said = answers;
    point.right = correct;
    point.all = all;
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

std::vector<ReliabilityBin> reliability(const Evaluation& e) {
  check(e);
  std::vector<ReliabilityBin> bins(kBins);
  std::vector<std::int64_t> right(kBins);
  const auto enter = [&](double score, bool is_right) {
    const auto bin =
        static_cast<std::size_t>(std::clamp(static_cast<int>(score * kBins), 0, kBins - 1));
    ++bins[bin].count;
    bins[bin].confidence += score;
    right[bin] += is_right;
  };
  for (const Prediction& p : e.predictions) {
    if (!e.counted(p)) continue;
    if (e.multi_label) {
      for (int c = 0; c < class_count(e); ++c)
        enter(Evaluation::score(p, c), Evaluation::has_label(p, c));
    } else {
      const int top = Evaluation::top(p);
      enter(Evaluation::score(p, top), Evaluation::has_label(p, top));
    }
  }
  for (std::size_t b = 0; b < bins.size(); ++b) {
    bins[b].low = static_cast<double>(b) / kBins;
    bins[b].high = static_cast<double>(b + 1) / kBins;
    if (bins[b].count > 0) bins[b].confidence /= static_cast<double>(bins[b].count);
    bins[b].accuracy = ratio(right[b], bins[b].count, 0);
  }
  return bins;
}

double calibration_error(const std::vector<ReliabilityBin>& bins) {
  double error = 0, count = 0;
  for (const ReliabilityBin& b : bins) {
    error += std::fabs(b.confidence - b.accuracy) * static_cast<double>(b.count);
    count += static_cast<double>(b.count);
  }
  return count > 0 ? error / count : 0;
}

double calibration_error(const Evaluation& e) { return calibration_error(reliability(e)); }

}  // namespace athanor::train
