#include "athanor/train/classify_model.hpp"

#include "athanor/io/weights.hpp"
#include "athanor/vision/models/builtin.hpp"
#include "athanor/vision/models/pretrained.hpp"

namespace athanor::train {

std::unique_ptr<vision::ImageModel> make_network(const ClassifyRecipe& recipe,
                                                 std::string& report) {
  auto model = vision::make_model(
      recipe.model, {.num_classes = recipe.classes, .in_channels = recipe.preprocess.channels});
  model->initialize(recipe.seed);
  if (!recipe.builtin_weights && recipe.weights.empty()) return model;
  const std::string name =
      recipe.builtin_weights ? "athanor's own weights" : recipe.weights.filename().string();
  const vision::PretrainedReport r =
      vision::load_pretrained(*model,
                              recipe.builtin_weights ? vision::builtin_weights(recipe.model)
                                                     : io::load_weights(recipe.weights),
                              recipe.builtin_weights ? name : recipe.weights.string());
  report = fmt::format("{}: {} tensors loaded, {} adapted, {} made anew", name, r.loaded.size(),
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

}  // namespace athanor::train
