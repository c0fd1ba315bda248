#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "athanor/data/split.hpp"
#include "athanor/nn/module.hpp"
#include "athanor/train/evaluation/evaluation.hpp"
#include "athanor/train/pictures.hpp"
#include "athanor/train/trainer.hpp"

namespace athanor::train {

enum class Preset { fast, balanced, accuracy };
/// Throws ValueError that lists the names.
Preset preset_from_name(const std::string& name);
std::string name_of(Preset preset);

/// What is trained of a network that starts from pretrained weights.
enum class Tune {
  choose,  ///< whichever does better in a trial on held-out pictures, if there are few
  head,    ///< a linear classifier on its fixed features alone (train/readout.hpp)
  all      ///< every weight
};
/// Throws ValueError that lists the names: auto, head, all.
Tune tune_from_name(const std::string& name);
std::string name_of(Tune tune);

/// What a person asks for.
struct ClassifyRequest {
  Preset preset = Preset::balanced;
  double budget = 300;            ///< seconds of training; used when epochs is 0
  std::int64_t epochs = 0;        ///< > 0: exactly so many, whatever the time
  std::filesystem::path weights;  ///< pretrained weights to start from; empty: athanor's own
  bool from_scratch = false;      ///< no pretrained weights at all
  Tune tune = Tune::choose;
  std::string model;  ///< a model by name; empty: chosen
  std::uint64_t seed = 0;
  int workers = 2;  ///< threads that prepare pictures
};

/// Everything that was decided before the first step; recorded with the run, and enough, with the
/// data, to repeat it.
struct ClassifyRecipe {
  std::string model;
  int classes = 0;
  bool multi_label = false;
  vision::Preprocess preprocess;
  vision::Augmentation augmentation;
  float mixup = 0;
  float cutmix = 0;
  std::int64_t batch_size = 64;
  std::string optimizer = "adamw";
  double learning_rate = 2e-3;
  double weight_decay = 0.05;
  double warmup = 0.1;
  double label_smoothing = 0.05;
  double ema_decay = 0.998;
  std::vector<float> class_weights;  ///< empty: all 1
  std::filesystem::path weights;     ///< empty: none, or athanor's own
  bool builtin_weights = false;      ///< starts from the weights that athanor brings
  Tune tune = Tune::all;             ///< head or all
  double budget = 300;
  std::int64_t epochs = 0;
  std::int64_t max_epochs = 300;
  std::int64_t patience = 0;
  std::uint64_t seed = 0;
  int workers = 2;
  std::vector<std::string> reasons;  ///< why it is as it is, for the log and the report
};
void to_json(nlohmann::json& json, const ClassifyRecipe& recipe);
void from_json(const nlohmann::json& json, ClassifyRecipe& recipe);

struct ClassifyOptions {
  std::vector<std::shared_ptr<Listener>> listeners{};
  const std::atomic<bool>* stop = nullptr;
  std::filesystem::path checkpoints{};  ///< folder; empty: none
  double checkpoint_seconds = 15;
  std::int64_t checkpoint_steps = 0;
  bool resume = false;  ///< go on from the newest checkpoint, if there is one
};

/// Chooses by the pictures (size, colour, symmetry), their number and balance, the preset and the
/// weights. With few pictures and pretrained weights a trial decides what is trained: a readout and
/// the whole network learn from three quarters of the pictures, for a quarter of the budget, and
/// the better one on the last quarter wins. `options`: listeners and stop flag of that trial.
/// Throws RefusalError when the weights do not fit.
ClassifyRecipe choose_recipe(const data::ImageDataset& dataset, const data::Split& split,
                             const ClassifyRequest& request, const ClassifyOptions& options = {});

struct TrainedClassifier {
  std::unique_ptr<nn::Module> model;  ///< in evaluation mode, averaged weights
  TrainerResult result;
  std::string weights_report;  ///< what was loaded from the pretrained weights
};

/// Trains on split.train and validates on split.val. A readout (Tune::head) has no checkpoints: its
/// fit takes seconds and begins anew when it is resumed, with the same result.
TrainedClassifier train_classifier(const data::ImageDataset& dataset, const data::Split& split,
                                   const ClassifyRecipe& recipe, const ClassifyOptions& options);

/// The model with its final softmax (or sigmoid) as an ONNX file, input "pixels" [N, C, H, W],
/// output "scores".
Bytes export_classifier(nn::Module& model, const ClassifyRecipe& recipe,
                        const std::string& description);

/// Scores of the items by `score` (pixels -> [N, classes]), prepared exactly as the deployed model
/// does it.
Evaluation evaluate_classifier(const data::ImageDataset& dataset,
                               std::span<const std::int64_t> items,
                               const vision::Preprocess& preprocess,
                               const std::function<Tensor(const Tensor&)>& score);

}  // namespace athanor::train
