#include "athanor/train/report/facts.hpp"
#include "athanor/train/report/texts.hpp"

namespace athanor::train::report {

namespace {

const ClassScore& score_of(const Facts& f, int label) {
  return f.scores[static_cast<std::size_t>(label)];
}

const std::string& name(const Facts& f, int label) {
  return f.input.test.classes[static_cast<std::size_t>(label)];
}

bool sure_enough(const Facts& f) {
  if (!f.input.test.multi_label) return f.accuracy.interval.low >= kReadyLow;
  return f.predicted > 0 && wilson_interval(f.correct, f.predicted).low >= kReadyLowMultiLabel &&
         wilson_interval(f.correct, f.support).low >= kReadyLowMultiLabel;
}

/// What keeps the model from being ready, and what to do about it.
Text obstacle(const Facts& f) {
  if (f.unusable > 0) return say("obstacle.unusable", {{"count", count_of(f.unusable, "picture")}});
  if (!f.blocking.empty()) {
    const int weak = f.blocking.front();
    return say("obstacle.weak", {{"class", in_quotes(name(f, weak))},
                                 {"recall", both(percent(score_of(f, weak).recall, 0))}});
  }
  if (!f.untested.empty())
    return say("obstacle.untested", {{"class", in_quotes(name(f, f.untested.front()))}});
  // Every class is fine and the accuracy is high: only the proof is missing.
  const double goal = f.input.test.multi_label ? kReadyLowMultiLabel : kReadyLow;
  if (!f.input.test.multi_label && f.accuracy.value >= goal + 0.02)
    return say("obstacle.few", {{"count", count_of(f.accuracy.count, "test-picture")}});
  return say("obstacle.low", {});
}

}  // namespace

Verdict verdict(const Facts& f) {
  if (f.accuracy.count == 0 || f.input.test.classes.empty()) return Verdict::unknown;
  if (f.unusable == 0 && sure_enough(f) && f.blocking.empty() && f.untested.empty())
    return Verdict::ready;
  return f.unusable == 0 && f.assist ? Verdict::assist : Verdict::not_ready;
}

const char* name_of(Verdict verdict) {
  constexpr const char* names[] = {"ready", "assist", "not-ready", "unknown"};
  return names[static_cast<int>(verdict)];
}

Text sentence(const Facts& f, Verdict verdict) {
  if (verdict == Verdict::unknown) return say("sentence.unknown", {});
  Text measured;
  if (f.input.test.multi_label) {
    measured =
        say("sentence.multi",
            {{"precision", both(percent(f.predicted > 0 ? static_cast<double>(f.correct) /
                                                              static_cast<double>(f.predicted)
                                                        : 0))},
             {"recall", both(percent(f.support > 0 ? static_cast<double>(f.correct) /
                                                         static_cast<double>(f.support)
                                                   : 0))},
             {"exact", both(percent(f.accuracy.value))}});
  } else {
    const std::string low = percent(f.accuracy.interval.low);
    measured = say("sentence.single", {{"value", both(percent(f.accuracy.value))},
                                       {"low", both(low.substr(0, low.find(' ')))},
                                       {"high", both(percent(f.accuracy.interval.high))}});
  }
  if (f.weakest >= 0 && f.scores.size() > 1 && score_of(f, f.weakest).recall < 1) {
    const Text weakest =
        say("sentence.weakest", {{"class", in_quotes(name(f, f.weakest))},
                                 {"recall", both(percent(score_of(f, f.weakest).recall, 0))}});
    measured = {measured.en + weakest.en, measured.zh + weakest.zh};
  }
  if (verdict == Verdict::ready) return say("sentence.ready", {{"measured", measured}});
  if (verdict == Verdict::assist)
    return say("sentence.assist", {{"measured", measured},
                                   {"threshold", both(percent(f.assist->threshold, 0))},
                                   {"answered", both(percent(f.assist->point.answered, 0))},
                                   {"precision", both(percent(f.assist->point.precision))}});
  return say("sentence.not-ready", {{"measured", measured}, {"obstacle", obstacle(f)}});
}

}  // namespace athanor::train::report
