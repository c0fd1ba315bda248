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

/// What a person asks for.
struct ClassifyRequest {
  Preset preset = Preset::balanced;
  double budget = 300;            ///< seconds of training; used when epochs is 0
  std::int64_t epochs = 0;        ///< > 0: exactly so many, whatever the time
  std::filesystem::path weights;  ///< pretrained weights to start from; may be empty
  std::string model;              ///< a model by name; empty: chosen
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
  std::filesystem::path weights;
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

/// Chooses by the pictures (size, colour, symmetry), their number and balance, the preset and the
/// weights. Throws RefusalError when the weights do not fit.
ClassifyRecipe choose_recipe(const data::ImageDataset& dataset, const data::Split& split,
                             const ClassifyRequest& request);

struct ClassifyOptions {
  std::vector<std::shared_ptr<Listener>> listeners;
  const std::atomic<bool>* stop = nullptr;
  std::filesystem::path checkpoints;  ///< folder; empty: none
  double checkpoint_seconds = 15;
  std::int64_t checkpoint_steps = 0;
  bool resume = false;  ///< go on from the newest checkpoint, if there is one
};

struct TrainedClassifier {
  std::unique_ptr<nn::Module> model;  ///< in evaluation mode, averaged weights
  TrainerResult result;
  std::string weights_report;  ///< what was loaded from the pretrained weights
};

/// Trains on split.train and validates on split.val.
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
