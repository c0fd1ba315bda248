#include <algorithm>
#include <cmath>
#include <set>

#include "athanor/train/report/facts.hpp"
#include "athanor/train/report/texts.hpp"

namespace athanor::train::report {

using nlohmann::json;

namespace {

constexpr std::size_t kMostActions = 6;
constexpr std::int64_t kFewToLearn = 50;  // pictures of a class below which more surely help
constexpr double kImbalance = 10;         // largest class against smallest
constexpr double kWideInterval = 0.06;    // of the accuracy: 3 points to each side
constexpr double kGoodInterval = 0.04;    // what to aim for
constexpr double kBadCalibration = 0.10;  // mean distance between score and truth
constexpr std::size_t kWeakNamed = 3;     // classes in one sentence
constexpr std::size_t kItemsNamed = 50;   // item indices kept with an action

struct Action {
  const char* code;
  double benefit;  // about the share of the mistakes that it may remove; 1 for what breaks the rest
  Text text;
  std::vector<std::size_t> items;
};

class Actions {
 public:
  Actions(const Facts& facts, Verdict verdict) : f_(facts), verdict_(verdict) {}

  json list() {
    if (f_.unusable > 0)
      add("unusable-scores", 1,
          say("action.unusable", {{"count", count_of(f_.unusable, "picture")}}));
    if (f_.accuracy.count == 0) {
      add("no-test", 1, say("action.no-test", {}));
    } else {
      untested();
      suspicious_labels();
      confused_pair();
      small_or_weak_class();
      imbalance();
      wide_interval();
      more_time();
      threshold();
      calibration();
    }
    data_problems();
    if (verdict_ == Verdict::ready) add("deploy", 0.01, say("action.deploy", {}));
    // A model that nothing above speaks to: more of everything is what is left.
    if (actions_.empty()) add("more-pictures", 0.01, say("action.more", {}));
    std::stable_sort(actions_.begin(), actions_.end(),
                     [](const Action& a, const Action& b) { return a.benefit > b.benefit; });
    if (actions_.size() > kMostActions) actions_.resize(kMostActions);
    json out = json::array();
    for (const Action& a : actions_)
      out.push_back({{"code", a.code},
                     {"benefit", std::round(a.benefit * 1000) / 1000},
                     {"en", a.text.en},
                     {"zh", a.text.zh},
                     {"items", a.items}});
    return out;
  }

 private:
  void add(const char* code, double benefit, Text text, std::vector<std::size_t> items = {}) {
    std::set<std::size_t> seen;
    std::erase_if(items, [&](std::size_t item) { return !seen.insert(item).second; });
    if (items.size() > kItemsNamed) items.resize(kItemsNamed);
    actions_.push_back({code, benefit, std::move(text), std::move(items)});
  }
  const Evaluation& test() const { return f_.input.test; }
  Text name(int label) const { return in_quotes(test().classes[static_cast<std::size_t>(label)]); }
  const ClassScore& score(int label) const { return f_.scores[static_cast<std::size_t>(label)]; }
  double of_mistakes(std::int64_t count) const {
    return f_.mistakes.empty()
               ? 0
               : static_cast<double>(count) / static_cast<double>(f_.mistakes.size());
  }
  bool knows_train() const { return f_.input.train_per_class.size() == test().classes.size(); }
  std::int64_t trained(int label) const {
    return f_.input.train_per_class[static_cast<std::size_t>(label)];
  }
  Text mistakes(std::int64_t count) const { return count_of(count, "mistake"); }

  void untested() {
    if (f_.untested.empty()) return;
    const bool one = f_.untested.size() == 1;
    add("untested-class", 0.6,
        say(one ? "action.untested" : "action.untested-many",
            {{"class", name(f_.untested.front())},
             {"others", count_of(static_cast<std::int64_t>(f_.untested.size()) - 1, "class")}}));
  }

  void suspicious_labels() {
    std::vector<std::size_t> items;
    for (const Mistake& m : f_.mistakes)
      if (m.confidence >= kSuspicious) items.push_back(m.item);
    if (items.empty()) return;
    // Where sure answers are often wrong the model is too sure of itself, and says nothing about
    // labels. Multi-label scores near 0 and 1 are far more frequent than mistakes are.
    const ThresholdPoint& sure = f_.curve[95];
    if (!test().multi_label && sure.precision < 0.9) return;
    const auto count = static_cast<std::int64_t>(items.size());
    add("suspicious-labels", 0.7 * of_mistakes(count),
        say("action.suspicious", {{"count", count_of(count, "picture")},
                                  {"all", mistakes(static_cast<std::int64_t>(f_.mistakes.size()))},
                                  {"item", in_quotes(test().predictions[items.front()].item)}}),
        items);
  }

  void confused_pair() {
    if (f_.pairs.empty() || test().classes.size() < 3) return two_class_errors();
    const ConfusedPair& p = f_.pairs.front();
    if (p.both() < 2) return;
    std::vector<std::size_t> items;
    for (const Mistake& m : f_.mistakes) {
      const int truth = test().predictions[m.item].truth[0];
      if ((truth == p.a && m.label == p.b) || (truth == p.b && m.label == p.a))
        items.push_back(m.item);
    }
    add("confused-pair", 0.8 * of_mistakes(p.both()),
        say("action.pair", {{"a", name(p.a)},
                            {"b", name(p.b)},
                            {"count", both(number(p.both()))},
                            {"all", mistakes(static_cast<std::int64_t>(f_.mistakes.size()))},
                            {"ab", both(number(p.a_said_b))},
                            {"ba", both(number(p.b_said_a))}}),
        items);
  }

  // With two classes the pair is the whole task; what tells something is the direction.
  void two_class_errors() {
    if (f_.pairs.empty()) return;
    ConfusedPair p = f_.pairs.front();
    if (p.a_said_b < p.b_said_a) p = {p.b, p.a, p.b_said_a, p.a_said_b};
    if (p.both() < 4 || p.a_said_b < 2 * p.b_said_a) return;
    std::vector<std::size_t> items;
    for (const Mistake& m : f_.mistakes)
      if (m.label == p.b) items.push_back(m.item);
    add("one-direction", 0.7 * of_mistakes(p.a_said_b),
        say("action.direction", {{"a", name(p.a)},
                                 {"b", name(p.b)},
                                 {"count", both(number(p.a_said_b))},
                                 {"all", mistakes(static_cast<std::int64_t>(f_.mistakes.size()))}}),
        items);
  }

  void small_or_weak_class() {
    // Few to learn from and wrong: the class whose pictures would remove most mistakes.
    int few = -1;
    double few_gain = 0;
    std::int64_t others = 0;
    std::vector<std::pair<double, int>> weak;
    for (int c = 0; c < static_cast<int>(f_.scores.size()); ++c) {
      const ClassScore& s = score(c);
      const std::int64_t missed = s.support - s.correct, in_vain = s.predicted - s.correct;
      const bool small = knows_train() && trained(c) < kFewToLearn;
      // A recall of 95 % or more is seldom raised by a few pictures.
      const double gain =
          s.support > 0 && s.recall >= 0.95 ? 0 : of_mistakes(missed) + 0.3 * of_mistakes(in_vain);
      if (small && (gain > 0 || s.support == 0)) {
        ++others;
        if (few < 0 || gain > few_gain) few = c, few_gain = gain;
      } else if (s.support > 0 && s.recall < kWeakRecall) {
        weak.emplace_back(gain, c);
      }
    }
    if (few >= 0)
      add("few-pictures", 0.9 * std::min(1.0, few_gain) + 0.02,
          say(others > 1 ? "action.few-many" : "action.few",
              {{"class", name(few)},
               {"count", both(number(trained(few)))},
               {"more", both(number(kFewToLearn - trained(few)))},
               {"goal", both(number(kFewToLearn))},
               {"others", count_of(others - 1, "class")}}),
          wrong_of(few));
    weak_classes(std::move(weak));
  }

  void weak_classes(std::vector<std::pair<double, int>> weak) {
    if (weak.empty()) return;
    std::stable_sort(weak.begin(), weak.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    // The one that the sentence names must be among those that are named.
    const auto first = std::find_if(weak.begin(), weak.end(), [&](const auto& w) {
      return !f_.blocking.empty() && w.second == f_.blocking.front();
    });
    if (first != weak.end() && first - weak.begin() >= static_cast<std::ptrdiff_t>(kWeakNamed))
      std::swap(weak[kWeakNamed - 1], *first);
    if (weak.size() > kWeakNamed) weak.resize(kWeakNamed);
    Text classes;
    double gain = 0;
    std::vector<std::size_t> items;
    for (const auto& [part, label] : weak) {
      const ClassScore& s = score(label);
      const Text one = say("action.weak-class", {{"class", name(label)},
                                                 {"missed", both(number(s.support - s.correct))},
                                                 {"support", both(number(s.support))}});
      const Text separator = classes.en.empty() ? Text{} : text("list.separator");
      classes = {classes.en + separator.en + one.en, classes.zh + separator.zh + one.zh};
      gain += part;
      const std::vector<std::size_t> wrong = wrong_of(label);
      items.insert(items.end(), wrong.begin(), wrong.end());
    }
    add("weak-class", 0.85 * std::min(1.0, gain), say("action.weak", {{"classes", classes}}),
        items);
  }

  std::vector<std::size_t> wrong_of(int label) const {
    std::vector<std::size_t> items;
    for (const Mistake& m : f_.mistakes)
      if (Evaluation::has_label(test().predictions[m.item], label)) items.push_back(m.item);
    return items;
  }

  void imbalance() {
    if (!knows_train() || f_.input.train_per_class.empty()) return;
    const auto& counts = f_.input.train_per_class;
    const auto [low, high] = std::minmax_element(counts.begin(), counts.end());
    if (*low <= 0 || static_cast<double>(*high) < kImbalance * static_cast<double>(*low)) return;
    // The same class was spoken of when it has few pictures.
    const auto small = static_cast<int>(low - counts.begin());
    const double gain = of_mistakes(score(small).support - score(small).correct);
    add("imbalance", *low < kFewToLearn ? 0.1 : 0.15 + 0.5 * gain,
        say("action.imbalance", {{"large", name(static_cast<int>(high - counts.begin()))},
                                 {"most", both(number(*high))},
                                 {"small", name(small)},
                                 {"least", both(number(*low))}}));
  }

  void wide_interval() {
    const double width = f_.accuracy.interval.high - f_.accuracy.interval.low;
    if (width <= kWideInterval) return;
    // With what was seen so far as a guess; the middle of the interval is a safer one than 100 %.
    const double guess = (f_.accuracy.interval.high + f_.accuracy.interval.low) / 2;
    const std::int64_t need = count_for_width(guess, kGoodInterval);
    if (need <= f_.accuracy.count) return;
    add("small-test", 0.15 + std::min(0.3, width),
        say("action.small-test", {{"low", both(percent(f_.accuracy.interval.low, 0))},
                                  {"high", both(percent(f_.accuracy.interval.high, 0))},
                                  {"count", both(number(f_.accuracy.count))},
                                  {"need", both(number(round_up(need)))}}));
  }

  static std::int64_t round_up(std::int64_t value) {
    std::int64_t unit = 1;
    while (unit * 100 <= value) unit *= 10;
    return (value + unit - 1) / unit * unit;
  }

  double training_number(const char* key) const {
    const json& t = f_.input.training;
    return t.is_object() && t.contains(key) && t[key].is_number() ? t[key].get<double>() : 0;
  }

  void more_time() {
    const json& t = f_.input.training;
    const double budget = training_number("budget");
    const bool cut = t.is_object() && t.contains("ending") && t["ending"] == "out-of-time";
    const bool filled = budget > 0 && training_number("seconds") >= 0.85 * budget;
    if (!cut && !filled) return;
    if (f_.accuracy.value >= 0.98) return;
    const double seconds = std::max(budget, training_number("seconds"));
    const auto minutes = static_cast<std::int64_t>(std::ceil(2 * seconds / 60));
    add("more-time", cut ? 0.35 : 0.25,
        say("action.time", {{"minutes", both(number(std::max<std::int64_t>(1, minutes)))}}));
  }

  void threshold() {
    if (verdict_ != Verdict::assist) return;
    add("use-threshold", 0.5,
        say("action.threshold", {{"threshold", both(fmt::format("{:.2f}", f_.assist->threshold))},
                                 {"rest", both(percent(1 - f_.assist->point.answered, 0))},
                                 {"precision", both(percent(f_.assist->point.precision))}}));
  }

  void calibration() {
    if (f_.calibration < kBadCalibration || f_.accuracy.count < 50) return;
    double sure = 0, right = 0;
    for (const ReliabilityBin& b : f_.bins) {
      sure += b.confidence * static_cast<double>(b.count);
      right += b.accuracy * static_cast<double>(b.count);
    }
    add("calibration", 0.12,
        say(sure > right ? "action.overconfident" : "action.underconfident",
            {{"points", both(fmt::format("{:.0f}", 100 * f_.calibration))}}));
  }

  void data_problems() {
    if (!f_.input.data_problems.is_array()) return;
    // What own actions say better with the numbers of this test, and what needs nothing done.
    static const std::set<std::string> elsewhere{"few-pictures", "single-picture-class",
                                                 "imbalance", "duplicates"};
    for (const json& p : f_.input.data_problems) {
      if (!p.is_object()) continue;
      const std::string code = text_of(p, "code");
      if (elsewhere.contains(code)) continue;
      const Text what = texts_of(p, "what");
      Text fix = texts_of(p, "fix");
      if (what.en.empty() || what.zh.empty()) continue;
      // It begins a sentence here.
      if (!fix.en.empty() && fix.en[0] >= 'a' && fix.en[0] <= 'z')
        fix.en[0] = static_cast<char>(fix.en[0] - 'a' + 'A');
      double benefit = 0.2;
      if (text_of(p, "severity") == "error") benefit = 0.95;
      if (code == "leakage") benefit = 0.97;
      if (code == "same-picture-two-labels") benefit = 0.45;
      add("data-problem", benefit,
          say(fix.en.empty() ? "action.data-only" : "action.data", {{"what", what}, {"fix", fix}}));
    }
  }

  static std::string text_of(const json& j, const char* key) {
    const auto found = j.find(key);
    return found != j.end() && found->is_string() ? found->get<std::string>() : "";
  }
  // Data problems hold names of files, which may hold anything.
  static Text texts_of(const json& j, const char* key) {
    const auto found = j.find(key);
    if (found == j.end() || !found->is_object()) return {};
    return {plain_name(text_of(*found, "en"), 300), plain_name(text_of(*found, "zh"), 300)};
  }

  const Facts& f_;
  Verdict verdict_;
  std::vector<Action> actions_;
};

}  // namespace

json next_actions(const Facts& facts, Verdict verdict) { return Actions(facts, verdict).list(); }

}  // namespace athanor::train::report
