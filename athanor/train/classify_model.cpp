#include "athanor/train/classify_model.hpp"

#include "athanor/io/weights.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/vision/models/builtin.hpp"
#include "athanor/vision/models/pretrained.hpp"

namespace athanor::train {

std::unique_ptr<vision::ImageModel> make_network(const ClassifyRecipe& recipe,
                                                 std::string& report) {
  auto model = vision::make_model(
      recipe.model, {.num_classes = recipe.classes, .in_channels = recipe.preprocess.channels});
  model->initialize(recipe.seed);
  if (!recipe.builtin_weights && recipe.weights.empty()) return model;
  const bool own = recipe.builtin_weights;
  const std::string origin = own ? "athanor's own weights" : recipe.weights.string();
  const vision::PretrainedReport r = vision::load_pretrained(
      *model, own ? vision::builtin_weights(recipe.model) : io::load_weights(recipe.weights),
      origin);
  report = fmt::format("{}: {} tensors loaded, {} adapted, {} made anew",
                       own ? origin : recipe.weights.filename().string(), r.loaded.size(),
                       r.adapted.size(), r.replaced.size());
  return model;
}

std::unique_ptr<vision::ReadoutModel> make_readout(const ClassifyRecipe& recipe,
                                                   std::string& report) {
  return std::make_unique<vision::ReadoutModel>(make_network(recipe, report), recipe.classes);
}

ReadoutTask readout_task(const data::ImageDataset& dataset, std::span<const std::int64_t> items,
                         const ClassifyRecipe& recipe) {
  return {.dataset = dataset,
          .items = items,
          .preprocess = recipe.preprocess,
          .class_weights = recipe.class_weights,
          .mirror_horizontal = recipe.augmentation.horizontal_flip > 0,
          .mirror_vertical = recipe.augmentation.vertical_flip > 0,
          .seed = recipe.seed};
}

Tensor scores_of(nn::Module& model, bool multi_label, const Tensor& pixels) {
  const Tensor logits = model(pixels);
  return multi_label ? ops::sigmoid(logits) : ops::softmax(logits, 1);
}

}  // namespace athanor::train
