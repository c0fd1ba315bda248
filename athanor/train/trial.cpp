#include "athanor/train/trial.hpp"

#include "athanor/op/dispatch.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/train/classify_model.hpp"

namespace athanor::train {

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
    (held ? part.test : part.train).push_back(split.train[i]);
    by_readout += held && fit.right[i];
  }
  const auto count = static_cast<std::int64_t>(part.test.size());
  if (by_readout == count) {
    recipe = head;
    recipe.reasons.push_back(fmt::format(
        "trains only a classifier on fixed features: all of {} held-out pictures were right",
        count));
    return;
  }
  ClassifyRecipe trial = recipe;
  trial.budget = seconds;
  const TrainedClassifier trained = train_classifier(
      dataset, part, trial, {.listeners = options.listeners, .stop = options.stop});
  if (trained.result.ending == Ending::interrupted) return;
  const Evaluation evaluation =
      evaluate_classifier(dataset, part.test, recipe.preprocess, [&](const Tensor& pixels) {
        const Tensor logits = (*trained.model)(pixels);
        return recipe.multi_label ? ops::sigmoid(logits) : ops::softmax(logits, 1);
      });
  const std::int64_t by_network = accuracy(evaluation).correct;
  if (by_network <= by_readout) recipe = head;
  recipe.reasons.push_back(fmt::format(
      "trains {}: of {} held-out pictures it had {} right in a trial, {} {}",
      recipe.tune == Tune::all ? "the whole network" : "only a classifier on fixed features", count,
      std::max(by_network, by_readout),
      recipe.tune == Tune::all ? "a classifier on fixed features" : "the whole network",
      std::min(by_network, by_readout)));
}

}  // namespace athanor::train
