#include "athanor/train/trial.hpp"

#include <algorithm>
#include <cmath>

#include "athanor/train/classify_model.hpp"

namespace athanor::train {

namespace {

/// Ends a training when it is beyond doubt better on its `count` validation pictures than what had
/// `missed` of them wrong, or when the person asks for it. About ten validations are looked at: a
/// lead of two standard errors would come by chance in one of them more often than at the end.
class Goal final : public Listener {
 public:
  Goal(std::int64_t count, std::int64_t missed, const std::atomic<bool>* asked)
      : count_(count), missed_(missed), asked_(asked) {}
  void on(const Event& event) override {
    if (event.kind == Event::Kind::evaluation) {
      const std::int64_t lead =
          std::llround(event.accuracy * static_cast<double>(count_)) - (count_ - missed_);
      // At most: all that was missed is gained, and the rest of it lost again.
      if (lead > 0 && clearly_better(missed_, missed_ - lead, 3)) stop_ = true;
    }
    if (asked_ && asked_->load(std::memory_order_relaxed)) stop_ = true;
  }
  const std::atomic<bool>* stop() const { return &stop_; }

 private:
  std::int64_t count_, missed_;
  const std::atomic<bool>* asked_;
  std::atomic<bool> stop_ = false;
};

}  // namespace

bool clearly_better(std::int64_t gained, std::int64_t lost, double standard_errors) {
  return static_cast<double>(gained - lost) >
         standard_errors * std::sqrt(static_cast<double>(gained + lost));
}

void try_tunes(ClassifyRecipe& recipe, int head_side, const data::ImageDataset& dataset,
               const data::Split& split, double seconds, const ClassifyOptions& options) {
  recipe.tune = Tune::all;
  ClassifyRecipe head = recipe;
  head.tune = Tune::head;
  head.preprocess.width = head.preprocess.height = head_side;
  std::string report;
  const auto readout = make_readout(head, report);
  const ReadoutFit fit =
      fit_readout(*readout, readout_task(dataset, split.train, head), {}, options.stop);
  if (fit.interrupted) return;

  data::Split part;
  std::vector<bool> by_readout;
  for (std::size_t i = 0; i < split.train.size(); ++i) {
    const bool held = fit.folds[i] == 0;
    (held ? part.val : part.train).push_back(split.train[i]);
    if (held) by_readout.push_back(fit.right[i]);
  }
  const auto count = static_cast<std::int64_t>(by_readout.size());
  const std::int64_t readout_right = std::count(by_readout.begin(), by_readout.end(), true);
  const std::int64_t missed = count - readout_right;
  if (!clearly_better(missed, 0)) {
    recipe = head;
    recipe.reasons.push_back(
        fmt::format("trains only a classifier on fixed features: of {} held-out pictures it had {} "
                    "right, which leaves no room for a clear improvement",
                    count, readout_right));
    return;
  }
  ClassifyRecipe trial = recipe;
  trial.budget = seconds;
  const auto goal = std::make_shared<Goal>(count, missed, options.stop);
  ClassifyOptions watched{.listeners = options.listeners, .stop = goal->stop()};
  watched.listeners.push_back(goal);
  const TrainedClassifier trained = train_classifier(dataset, part, trial, watched);
  // What was asked to stop knows nothing of the two; the whole network is the safe choice.
  if (options.stop && options.stop->load(std::memory_order_relaxed)) return;
  const Evaluation network = evaluate_classifier(
      dataset, part.val, trial.preprocess,
      [&](const Tensor& pixels) { return scores_of(*trained.model, trial.multi_label, pixels); });
  std::int64_t gained = 0, lost = 0;
  for (std::size_t i = 0; i < by_readout.size(); ++i) {
    const bool right = network.right(network.predictions[i]);
    gained += right && !by_readout[i];
    lost += !right && by_readout[i];
  }
  const bool whole = clearly_better(gained, lost);
  if (!whole) recipe = head;
  recipe.reasons.push_back(fmt::format(
      "trains {}: of {} held-out pictures a classifier on fixed features had {} right in a trial, "
      "the whole network {}{}",
      whole ? "the whole network" : "only a classifier on fixed features", count, readout_right,
      readout_right + gained - lost, whole || gained <= lost ? "" : ", which may be chance"));
}

}  // namespace athanor::train
