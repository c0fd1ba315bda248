#include "athanor/train/readout.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "athanor/base/parallel.hpp"
#include "athanor/train/classify_model.hpp"
#include "athanor/train/trial.hpp"
#include "athanor/vision/sample/surface.hpp"

namespace athanor::train {
namespace {

namespace fs = std::filesystem;

/// Generated pictures of four kinds of surfaces, and how they are prepared.
struct Surfaces {
  fs::path folder = fs::temp_directory_path() / fmt::format("athanor-readout-{}", ::getpid());
  data::ImageDataset dataset;
  data::Split split;
  ClassifyRecipe recipe;

  explicit Surfaces(std::int64_t count) {
    fs::remove_all(folder);
    vision::write_surface_samples(folder, {.count = count, .side = 64});
    dataset = data::open_dataset(folder);
    for (std::int64_t i = 0; i < count; ++i) split.train.push_back(i);
    recipe.model = "resnet18_slim";
    recipe.builtin_weights = true;
    recipe.classes = 4;
    recipe.tune = Tune::head;
    recipe.preprocess.width = recipe.preprocess.height = 64;
    recipe.preprocess.channels = 3;
    recipe.augmentation.horizontal_flip = 0.5f;
  }
  ~Surfaces() { fs::remove_all(folder); }

  ReadoutFit fit(Tensor* weight = nullptr) {
    std::string report;
    const auto model = make_readout(recipe, report);
    const ReadoutFit result = fit_readout(*model, readout_task(dataset, split.train, recipe));
    if (weight) *weight = model->weight;
    return result;
  }
};

TEST(Readout, LearnsFromFewPictures) {
  Surfaces surfaces(120);
  const ReadoutFit fit = surfaces.fit();
  // Four classes, 30 pictures each: chance is 0.25.
  EXPECT_GT(fit.accuracy(), 0.5);
  EXPECT_EQ(fit.tried_losses.size(), 5u);
  EXPECT_GT(fit.regularization, 0);
  EXPECT_EQ(fit.loss, *std::min_element(fit.tried_losses.begin(), fit.tried_losses.end()));
  // Every fold has about as many of each class.
  std::array<std::array<int, 4>, kReadoutFolds> counts{};
  for (std::size_t i = 0; i < fit.folds.size(); ++i)
    ++counts[static_cast<std::size_t>(fit.folds[i])]
            [static_cast<std::size_t>(surfaces.dataset.items[i].labels[0])];
  for (const auto& fold : counts)
    for (int n : fold) EXPECT_TRUE(n == 7 || n == 8) << n;
}

TEST(Readout, HasTheSameBitsAgainAndOnAnyNumberOfThreads) {
  Surfaces surfaces(48);
  set_deterministic(true);
  std::vector<float> first;
  for (int threads : {1, 3}) {
    const int before = compute_threads();
    set_compute_threads(threads);
    Tensor weight;
    surfaces.fit(&weight);
    set_compute_threads(before);
    const auto values = weight.to_vector<float>();
    if (first.empty()) first = values;
    EXPECT_EQ(values, first) << threads;
  }
  set_deterministic(false);
}

TEST(Readout, ChanceLabelsLookLikeChance) {
  Surfaces surfaces(80);
  for (std::size_t i = 0; i < surfaces.dataset.items.size(); ++i)
    surfaces.dataset.items[i].labels = {static_cast<int>((i * 7 + i / 5) % 4)};
  // Cross-validation is honest: nothing can be learnt, and it says so.
  EXPECT_LT(surfaces.fit().accuracy(), 0.45);
}

TEST(Readout, FitsSeveralLabelsAPicture) {
  Surfaces surfaces(80);
  surfaces.dataset.multi_label = true;
  for (data::Item& item : surfaces.dataset.items)
    if (item.labels[0] == 3) item.labels = {0, 3};
  const ReadoutFit fit = surfaces.fit();
  EXPECT_EQ(fit.right.size(), 80u);
  EXPECT_GT(fit.accuracy(), 0.1);
}

TEST(Readout, StopsWhenAsked) {
  Surfaces surfaces(40);
  std::string report;
  const auto model = make_readout(surfaces.recipe, report);
  const std::atomic<bool> stop = true;
  const ReadoutFit fit = fit_readout(
      *model, readout_task(surfaces.dataset, surfaces.split.train, surfaces.recipe), {}, &stop);
  EXPECT_TRUE(fit.interrupted);
  for (float w : model->weight.to_vector<float>()) ASSERT_EQ(w, 0);
}

TEST(Trial, AClearLeadIsMoreThanTwoStandardErrorsOfTheDifferences) {
  EXPECT_FALSE(clearly_better(0, 0));
  EXPECT_FALSE(clearly_better(4, 0));  // 4 of 4: two standard errors, not more
  EXPECT_TRUE(clearly_better(5, 0));
  EXPECT_FALSE(clearly_better(9, 5));  // 4 of 14
  EXPECT_FALSE(clearly_better(15, 6));
  EXPECT_TRUE(clearly_better(16, 6));
  EXPECT_FALSE(clearly_better(6, 16));
  EXPECT_FALSE(clearly_better(9, 0, 3));  // 9 of 9: three
  EXPECT_TRUE(clearly_better(10, 0, 3));
}

TEST(Trial, ANetworkThatLearntNothingDoesNotWin) {
  Surfaces surfaces(96);
  surfaces.recipe.batch_size = 12;
  surfaces.recipe.learning_rate = 0;  // its classifier stays random
  surfaces.recipe.warmup = 0;
  try_tunes(surfaces.recipe, 64, surfaces.dataset, surfaces.split, 2, {});
  EXPECT_EQ(surfaces.recipe.tune, Tune::head) << surfaces.recipe.reasons.back();
}

TEST(Trial, ChoosesOneAndSaysWhy) {
  Surfaces surfaces(48);
  surfaces.recipe.batch_size = 12;
  try_tunes(surfaces.recipe, 64, surfaces.dataset, surfaces.split, 2, {});
  ASSERT_FALSE(surfaces.recipe.reasons.empty());
  const std::string& why = surfaces.recipe.reasons.back();
  const bool head = surfaces.recipe.tune == Tune::head;
  EXPECT_NE(why.find(head ? "only a classifier" : "the whole network"), std::string::npos) << why;
  EXPECT_NE(why.find("held-out pictures"), std::string::npos) << why;
}

}  // namespace
}  // namespace athanor::train
