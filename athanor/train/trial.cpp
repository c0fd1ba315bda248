#include "athanor/train/trial.hpp"

#include "athanor/train/classify_model.hpp"

namespace athanor::train {

namespace {

/// Ends a training when it has become better than `accuracy` on its validation pictures, or when
/// the person asks for it.
class Goal final : public Listener {
 public:
  Goal(double accuracy, const std::atomic<bool>* asked) : accuracy_(accuracy), asked_(asked) {}
  void on(const Event& event) override {
    if (event.kind == Event::Kind::evaluation && event.accuracy > accuracy_) reached_ = true;
    if (reached_ || (asked_ && asked_->load(std::memory_order_relaxed))) stop_ = true;
  }
  bool reached() const { return reached_; }
  const std::atomic<bool>* stop() const { return &stop_; }

 private:
  double accuracy_;
  const std::atomic<bool>* asked_;
  bool reached_ = false;
  std::atomic<bool> stop_ = false;
};

}  // namespace

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
  std::int64_t by_readout = 0;
  for (std::size_t i = 0; i < split.train.size(); ++i) {
    const bool held = fit.folds[i] == 0;
    (held ? part.val : part.train).push_back(split.train[i]);
    by_readout += held && fit.right[i];
  }
  const auto count = static_cast<std::int64_t>(part.val.size());
  if (by_readout == count) {
    recipe = head;
    recipe.reasons.push_back(fmt::format(
        "trains only a classifier on fixed features: all of {} held-out pictures were right",
        count));
    return;
  }
  ClassifyRecipe trial = recipe;
  trial.budget = seconds;
  const auto goal = std::make_shared<Goal>(
      static_cast<double>(by_readout) / static_cast<double>(count), options.stop);
  ClassifyOptions watched{.listeners = options.listeners, .stop = goal->stop()};
  watched.listeners.push_back(goal);
  const TrainedClassifier trained = train_classifier(dataset, part, trial, watched);
  // What was asked to stop knows nothing of the two; the whole network is the safe choice.
  if (options.stop && options.stop->load(std::memory_order_relaxed)) return;
  if (!goal->reached()) recipe = head;
  recipe.reasons.push_back(fmt::format(
      "trains {}: of {} held-out pictures a classifier on fixed features had {} right in a trial, "
      "the whole network {}",
      goal->reached() ? "the whole network" : "only a classifier on fixed features", count,
      by_readout, goal->reached() ? "more" : "no more"));
}

}  // namespace athanor::train
