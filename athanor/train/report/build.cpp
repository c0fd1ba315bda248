#include <algorithm>
#include <cmath>
#include <map>

#include "athanor/train/report/facts.hpp"
#include "athanor/train/report/texts.hpp"

namespace athanor::train {

using nlohmann::json;

// Note [The report as JSON]
// Classes and items are indices: into `classes` and into `items`. What was not measured is null.
//   format, format_version, task   "athanor.report", 1, "image.classify"
//   title, classes, multi_label    as given
//   verdict                        ready, assist, not-ready, unknown; facts.hpp says by which rule
//   sentence {en, zh}              the same in words
//   counts                         train, validation, test (items that are in the numbers)
//   accuracy                       value, interval [low, high], correct, count; single-label also
//                                  baseline (always the most frequent class) and, above five
//                                  classes, top3
//   weakest                        the class with the lowest recall
//   per_class []                   name, train, support, predicted, correct, precision, recall,
//                                  interval of the recall, f1, average_precision
//   averages                       macro (classes that were tested), micro
//   confusion []                   truth, said, items; multi-label: label, found, missed, in_vain
//   confused_pairs []              a, b, a_said_b, b_said_a, most first; single-label
//   threshold                      value, chosen_on (validation, test, default), assist {value,
//                                  precision, answered} or null, curve with one entry per 0.01
//   calibration                    error, bins [{low, high, count, confidence, accuracy}]
//   mistakes []                    item, label, missed, confidence, suspicious; surest first
//   unusable_scores                items with a score that is not a number
//   next_actions []                code, benefit, en, zh, items; at most six, most useful first
//   items []                       name, truth [], said [], top [[class, score]] (three)
//   training, data_problems        as given

namespace {

constexpr std::size_t kTopScores = 3;  // scores kept with each item

/// Six digits after the point: more than any test set can tell, and half the bytes.
json rounded(double value) { return std::round(value * 1e6) / 1e6; }

json items_json(const Evaluation& e) {
  json items = json::array();
  for (const Prediction& p : e.predictions) {
    std::vector<int> order(p.scores.size());
    for (std::size_t c = 0; c < order.size(); ++c) order[c] = static_cast<int>(c);
    const std::size_t kept = std::min(kTopScores, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](int a, int b) {
                        const double x = Evaluation::score(p, a), y = Evaluation::score(p, b);
                        return x != y ? x > y : a < b;
                      });
    json top = json::array(), said = json::array();
    for (std::size_t k = 0; k < kept; ++k)
      top.push_back({order[k], rounded(Evaluation::score(p, order[k]))});
    if (e.multi_label) {
      for (int c = 0; c < static_cast<int>(p.scores.size()); ++c)
        if (Evaluation::score(p, c) >= 0.5) said.push_back(c);
    } else if (!p.scores.empty()) {
      said.push_back(order[0]);
    }
    items.push_back(
        {{"name", p.item}, {"truth", p.truth}, {"said", std::move(said)}, {"top", std::move(top)}});
  }
  return items;
}

json classes_json(const report::Facts& f) {
  const Evaluation& test = f.input.test;
  const bool knows_train = f.input.train_per_class.size() == test.classes.size();
  json rows = json::array();
  for (std::size_t c = 0; c < f.scores.size(); ++c) {
    const ClassScore& s = f.scores[c];
    // Not measured is null, never a number that looks bad.
    const bool tested = s.support > 0;
    rows.push_back(
        {{"name", test.classes[c]},
         {"train", knows_train ? json(f.input.train_per_class[c]) : json()},
         {"support", s.support},
         {"predicted", s.predicted},
         {"correct", s.correct},
         {"precision", s.predicted > 0 ? rounded(s.precision) : json()},
         {"recall", tested ? rounded(s.recall) : json()},
         {"interval",
          tested ? json{rounded(s.recall_interval.low), rounded(s.recall_interval.high)} : json()},
         {"f1", tested || s.predicted > 0 ? rounded(s.f1) : json()},
         {"average_precision", tested ? rounded(s.average_precision) : json()}});
  }
  return rows;
}

json averages_json(const report::Facts& f) {
  double precision = 0, recall = 0, f1 = 0, ap = 0;
  std::int64_t tested = 0;
  for (const ClassScore& s : f.scores) {
    if (s.support == 0) continue;
    ++tested;
    precision += s.precision;
    recall += s.recall;
    f1 += s.f1;
    ap += s.average_precision;
  }
  const auto mean = [&](double sum) {
    return tested ? rounded(sum / static_cast<double>(tested)) : json();
  };
  const auto share = [](std::int64_t part, std::int64_t whole) {
    return whole ? rounded(static_cast<double>(part) / static_cast<double>(whole)) : json();
  };
  return {{"macro",
           {{"precision", mean(precision)},
            {"recall", mean(recall)},
            {"f1", mean(f1)},
            {"average_precision", mean(ap)}}},
          {"micro",
           {{"precision", share(f.correct, f.predicted)},
            {"recall", share(f.correct, f.support)},
            {"f1", share(2 * f.correct, f.predicted + f.support)}}}};
}

/// Single-label: every cell with items. Multi-label: for each label what was found, missed and
/// given in vain.
json confusion_json(const Evaluation& e) {
  json cells = json::array();
  if (e.multi_label) {
    for (int c = 0; c < static_cast<int>(e.classes.size()); ++c) {
      json found = json::array(), missed = json::array(), in_vain = json::array();
      for (std::size_t i = 0; i < e.predictions.size(); ++i) {
        const Prediction& p = e.predictions[i];
        const bool has = Evaluation::has_label(p, c), said = Evaluation::score(p, c) >= 0.5;
        if (has || said) (has && said ? found : has ? missed : in_vain).push_back(i);
      }
      cells.push_back({{"label", c},
                       {"found", std::move(found)},
                       {"missed", std::move(missed)},
                       {"in_vain", std::move(in_vain)}});
    }
    return cells;
  }
  std::map<std::pair<int, int>, std::vector<std::size_t>> items;
  for (std::size_t i = 0; i < e.predictions.size(); ++i) {
    const Prediction& p = e.predictions[i];
    if (e.counted(p)) items[{p.truth[0], Evaluation::top(p)}].push_back(i);
  }
  for (const auto& [cell, list] : items)
    cells.push_back({{"truth", cell.first}, {"said", cell.second}, {"items", list}});
  return cells;
}

json threshold_json(const report::Facts& f) {
  json precision = json::array(), recall = json::array(), answered = json::array(),
       said = json::array(), right = json::array();
  for (const ThresholdPoint& p : f.curve) {
    precision.push_back(rounded(p.precision));
    recall.push_back(rounded(p.recall));
    answered.push_back(rounded(p.answered));
    said.push_back(p.said);
    right.push_back(p.right);
  }
  json out{{"value", rounded(f.threshold)},
           {"chosen_on", f.from_validation      ? "validation"
                         : f.accuracy.count > 0 ? "test"
                                                : "default"},
           {"assist", nullptr},
           {"curve",
            {{"step", 0.01},
             {"count", f.curve.empty() ? 0 : f.curve[0].all},
             {"precision", std::move(precision)},
             {"recall", std::move(recall)},
             {"answered", std::move(answered)},
             {"said", std::move(said)},
             {"right", std::move(right)}}}};
  if (f.assist)
    out["assist"] = {{"value", rounded(f.assist->threshold)},
                     {"precision", rounded(f.assist->point.precision)},
                     {"answered", rounded(f.assist->point.answered)}};
  return out;
}

json calibration_json(const report::Facts& f) {
  json bins = json::array();
  for (const ReliabilityBin& b : f.bins)
    bins.push_back({{"low", rounded(b.low)},
                    {"high", rounded(b.high)},
                    {"count", b.count},
                    {"confidence", rounded(b.confidence)},
                    {"accuracy", rounded(b.accuracy)}});
  return {{"error", rounded(f.calibration)}, {"bins", std::move(bins)}};
}

json mistakes_json(const report::Facts& f) {
  json list = json::array();
  for (const report::Mistake& m : f.mistakes)
    list.push_back({{"item", m.item},
                    {"label", m.label},
                    {"missed", m.missed},
                    {"confidence", rounded(m.confidence)},
                    {"suspicious", m.confidence >= report::kSuspicious}});
  return list;
}

/// What always naming the most frequent class would reach.
double baseline(const report::Facts& f) {
  std::int64_t most = 0;
  for (const ClassScore& s : f.scores) most = std::max(most, s.support);
  return f.accuracy.count ? static_cast<double>(most) / static_cast<double>(f.accuracy.count) : 0;
}

}  // namespace

json build_report(const ReportInput& input) {
  const report::Facts f = report::gather(input);
  const report::Verdict verdict = report::verdict(f);
  const Text sentence = report::sentence(f, verdict);
  json out{{"format", "athanor.report"},
           {"format_version", 1},
           {"task", "image.classify"},
           {"title", input.title},
           {"classes", input.test.classes},
           {"multi_label", input.test.multi_label},
           {"verdict", report::name_of(verdict)},
           {"sentence", {{"en", sentence.en}, {"zh", sentence.zh}}},
           {"counts",
            {{"train", input.train_count},
             {"validation", input.validation.predictions.size()},
             {"test", f.accuracy.count}}},
           {"accuracy",
            {{"value", rounded(f.accuracy.value)},
             {"interval", {rounded(f.accuracy.interval.low), rounded(f.accuracy.interval.high)}},
             {"correct", f.accuracy.correct},
             {"count", f.accuracy.count}}},
           {"weakest", f.weakest < 0 ? json() : json(f.weakest)},
           {"per_class", classes_json(f)},
           {"averages", averages_json(f)},
           {"confusion", confusion_json(input.test)},
           {"threshold", threshold_json(f)},
           {"calibration", calibration_json(f)},
           {"mistakes", mistakes_json(f)},
           {"unusable_scores", f.unusable},
           {"next_actions", report::next_actions(f, verdict)},
           {"items", items_json(input.test)},
           {"training", input.training},
           {"data_problems",
            input.data_problems.is_array() ? input.data_problems : json(json::array())}};
  if (!input.test.multi_label) {
    out["accuracy"]["baseline"] = rounded(baseline(f));
    if (input.test.classes.size() > 5)
      out["accuracy"]["top3"] = rounded(top_k_accuracy(input.test, 3));
    json pairs = json::array();
    for (const report::ConfusedPair& p : f.pairs)
      pairs.push_back({{"a", p.a}, {"b", p.b}, {"a_said_b", p.a_said_b}, {"b_said_a", p.b_said_a}});
    out["confused_pairs"] = std::move(pairs);
  }
  return out;
}

}  // namespace athanor::train
