#include "athanor/train/image_classify.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "athanor/graph/capture.hpp"
#include "athanor/io/onnx/onnx.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/optim/optimizer.hpp"
#include "athanor/train/classify_model.hpp"

namespace athanor::train {

namespace {

/// The data and the loss of picture classification.
class ClassifyTask final : public Task {
 public:
  ClassifyTask(nn::Module& model, const PictureCache& cache, const data::Split& split,
               const ClassifyRecipe& recipe)
      : model_(model),
        dataset_(cache.dataset()),
        split_(split),
        recipe_(recipe),
        batches_(cache, {.batch_size = std::min(recipe.batch_size, cache.size()),
                         .workers = recipe.workers,
                         .seed = recipe.seed,
                         .augmentation = recipe.augmentation,
                         .preprocess = recipe.preprocess,
                         .classes = recipe.classes,
                         .mixup = recipe.mixup,
                         .cutmix = recipe.cutmix}) {
    if (!recipe.class_weights.empty())
      weights_ = Tensor::from(recipe.class_weights, {recipe.classes});
    items_ = std::min(recipe.batch_size, cache.size());
  }
  std::int64_t steps_per_epoch() const override { return batches_.batches_per_epoch(); }
  std::int64_t items_per_step() const override { return items_; }
  void start_epoch(std::int64_t epoch, std::int64_t step) override {
    batches_.start_epoch(epoch, step);
  }
  Tensor next_loss() override {
    const PictureBatch batch = batches_.next();
    const Tensor logits = model_(batch.pixels);
    if (recipe_.multi_label) return nn::bce_with_logits(logits, batch.targets, weights_);
    return nn::cross_entropy(logits, batch.targets,
                             {.weight = weights_, .label_smoothing = recipe_.label_smoothing});
  }
  std::optional<double> validate() override {
    if (split_.val.empty()) return std::nullopt;
    const Evaluation e = evaluate_classifier(
        dataset_, split_.val, recipe_.preprocess,
        [&](const Tensor& pixels) { return scores_of(model_, recipe_.multi_label, pixels); });
    return accuracy(e).value;
  }

 private:
  nn::Module& model_;
  const data::ImageDataset& dataset_;
  const data::Split& split_;
  const ClassifyRecipe& recipe_;
  PictureBatches batches_;
  Tensor weights_;
  std::int64_t items_ = 0;
};

int cache_side(const ClassifyRecipe& recipe) {
  // Random crops enlarge: a little more than the input keeps them sharp.
  return std::max(recipe.preprocess.width, recipe.preprocess.height) * 9 / 8;
}

/// Fits a readout, told to the listeners as a hundred steps.
TrainedClassifier train_head(const data::ImageDataset& dataset, const data::Split& split,
                             const ClassifyRecipe& recipe, const ClassifyOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  TrainedClassifier out;
  auto model = make_readout(recipe, out.weights_report);
  Event event;
  event.total_steps = 100;
  const auto pictures = static_cast<double>(split.train.size());
  const auto tell = [&](Event::Kind kind) {
    event.kind = kind;
    event.elapsed =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    event.remaining = event.step > 0 ? event.elapsed * static_cast<double>(100 - event.step) /
                                           static_cast<double>(event.step)
                                     : 0;
    for (const auto& listener : options.listeners) listener->on(event);
  };
  tell(Event::Kind::start);
  const ReadoutFit fit = fit_readout(
      *model, readout_task(dataset, split.train, recipe),
      [&](double share) {
        event.step = static_cast<std::int64_t>(100 * share);
        event.items_per_second = pictures * share / std::max(event.elapsed, 1e-3);
        tell(Event::Kind::step);
      },
      options.stop);
  out.result.ending = fit.interrupted ? Ending::interrupted : Ending::finished;
  out.result.steps = event.step;
  out.result.best_accuracy = fit.interrupted ? -1 : fit.accuracy();
  event.loss = fit.loss;
  event.accuracy = out.result.best_accuracy;
  if (!fit.interrupted) tell(Event::Kind::evaluation);
  tell(Event::Kind::end);
  out.result.seconds = event.elapsed;
  out.model = std::move(model);
  return out;
}

}  // namespace

TrainedClassifier train_classifier(const data::ImageDataset& dataset, const data::Split& split,
                                   const ClassifyRecipe& recipe, const ClassifyOptions& options) {
  if (recipe.tune == Tune::head) return train_head(dataset, split, recipe, options);
  TrainedClassifier out;
  out.model = make_network(recipe, out.weights_report);
  const PictureCache cache(dataset, split.train, recipe.preprocess.channels, cache_side(recipe));
  auto groups = optim::decay_groups(*out.model, recipe.weight_decay);
  std::unique_ptr<optim::Optimizer> optimizer;
  if (recipe.optimizer == "sgd") {
    optimizer = std::make_unique<optim::Sgd>(std::move(groups),
                                             optim::SgdOptions{.momentum = 0.9, .nesterov = true});
  } else {
    require(recipe.optimizer == "adamw", "recipe: optimizer is '{}'; there are sgd and adamw",
            recipe.optimizer);
    optimizer = std::make_unique<optim::AdamW>(std::move(groups));
  }
  ClassifyTask task(*out.model, cache, split, recipe);
  TrainerOptions t;
  t.learning_rate = recipe.learning_rate;
  t.warmup = recipe.warmup;
  t.epochs = recipe.epochs;
  t.max_epochs = recipe.max_epochs;
  t.budget = recipe.budget;
  t.ema_decay = recipe.ema_decay;
  t.patience = recipe.patience;
  t.seed = recipe.seed;
  t.checkpoints = options.checkpoints;
  t.checkpoint_seconds = options.checkpoint_seconds;
  t.checkpoint_steps = options.checkpoint_steps;
  Trainer trainer(*out.model, *optimizer, task, t);
  for (const auto& listener : options.listeners) trainer.add(listener);
  trainer.set_stop_flag(options.stop);
  if (options.resume) trainer.resume();
  out.result = trainer.run();
  return out;
}

Bytes export_classifier(nn::Module& model, const ClassifyRecipe& recipe,
                        const std::string& description) {
  model.eval();
  const vision::Preprocess& p = recipe.preprocess;
  const std::array<graph::NamedMeta, 1> inputs{
      {{"pixels", {Shape{kDynamic, p.channels, p.height, p.width}, DType::f32}}}};
  graph::CaptureOptions options;
  for (const nn::NamedTensor& t : model.parameters())
    options.parameters.emplace_back(t.name, t.tensor);
  for (const nn::NamedTensor& t : model.buffers())
    options.parameters.emplace_back(t.name, t.tensor);
  options.output_names = {"scores"};
  const graph::Graph graph = graph::capture(
      [&](const TensorList& x) { return TensorList{scores_of(model, recipe.multi_label, x[0])}; },
      inputs, options);
  io::OnnxExportOptions onnx;
  onnx.graph_name = recipe.model;
  onnx.doc = description;
  return io::export_onnx(graph, onnx);
}

Evaluation evaluate_classifier(const data::ImageDataset& dataset,
                               std::span<const std::int64_t> items,
                               const vision::Preprocess& preprocess,
                               const std::function<Tensor(const Tensor&)>& score) {
  Evaluation e;
  e.classes = dataset.classes;
  e.multi_label = dataset.multi_label;
  for (std::int64_t item : items) {
    const data::Item& i = dataset.items[static_cast<std::size_t>(item)];
    e.predictions.push_back({i.name, i.labels, {}});
  }
  const NoGrad no_grad;
  for_each_prepared(dataset, items, preprocess, 64, [&](std::int64_t first, const Tensor& pixels) {
    const Tensor scores = score(pixels);
    const std::vector<float> values = scores.to_vector<float>();
    const auto classes = static_cast<std::size_t>(scores.dim(1));
    for (std::int64_t i = 0; i < scores.dim(0); ++i) {
      const auto begin =
          values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * classes);
      e.predictions[static_cast<std::size_t>(first + i)].scores.assign(
          begin, begin + static_cast<std::ptrdiff_t>(classes));
    }
  });
  return e;
}

}  // namespace athanor::train
