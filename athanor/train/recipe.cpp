#include <algorithm>
#include <chrono>
#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/io/weights.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/nn/random_scope.hpp"
#include "athanor/train/image_classify.hpp"
#include "athanor/train/symmetry.hpp"
#include "athanor/train/trial.hpp"
#include "athanor/vision/models/builtin.hpp"
#include "athanor/vision/models/model.hpp"

namespace athanor::train {

using nlohmann::json;

namespace {

constexpr int kSmallSide = 40;        ///< pictures up to this size are trained as they are
constexpr std::int64_t kFew = 1000;   ///< training pictures up to which a readout may do better
constexpr double kTrialShare = 0.25;  ///< of the budget that a trial may take
constexpr double kShortestTrial = 5;  ///< seconds; a network learns nothing in less

struct PresetFacts {
  const char* name;
  int largest_side;      ///< of the model's input
  int head_side;         ///< the same where only a readout is fitted, which costs little
  double fewest_epochs;  ///< below that a smaller input is better than a shorter training
};
constexpr PresetFacts kPresets[] = {
    {"fast", 96, 144, 30}, {"balanced", 144, 224, 40}, {"accuracy", 192, 288, 60}};

const PresetFacts& facts_of(Preset preset) { return kPresets[static_cast<int>(preset)]; }

int round_up(int n, int to) { return (n + to - 1) / to * to; }

// Seconds of a training step, measured on random pixels: the second of two, as the first fills
// caches.
double step_seconds(const ClassifyRecipe& recipe) {
  const auto model = vision::make_model(
      recipe.model, {.num_classes = recipe.classes, .in_channels = recipe.preprocess.channels});
  model->initialize(0);
  const Shape shape{recipe.batch_size, recipe.preprocess.channels, recipe.preprocess.height,
                    recipe.preprocess.width};
  const Tensor pixels = Tensor::empty_strided(shape, channels_last_strides(shape), DType::f32);
  pixels.fill(0.5);
  const Tensor targets = Tensor::zeros({recipe.batch_size, recipe.classes});
  double seconds = 0;
  for (int i = 0; i < 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const nn::RandomScope scope(0, 0);
    autograd::backward(nn::cross_entropy((*model)(pixels), targets));
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return seconds;
}

void set_side(ClassifyRecipe& r, int side) { r.preprocess.width = r.preprocess.height = side; }

// Pictures are not enlarged.
int at_most(int side, const PictureFacts& facts) {
  return std::min(side, round_up(std::min(facts.median_width, facts.median_height), 16));
}

// The largest input for which the budget still allows enough epochs; a readout, which has none,
// sees the largest of its own, whatever the speed of the machine.
void choose_size(ClassifyRecipe& r, const PictureFacts& facts, std::int64_t count,
                 const ClassifyRequest& request) {
  if (std::max(facts.median_width, facts.median_height) <= kSmallSide) {
    r.preprocess.width = round_up(facts.median_width, 4);
    r.preprocess.height = round_up(facts.median_height, 4);
    r.reasons.push_back(fmt::format("pictures of {}x{} are small: used as they are",
                                    facts.median_width, facts.median_height));
    return;
  }
  const PresetFacts& preset = facts_of(request.preset);
  if (request.tune == Tune::head) {
    set_side(r, at_most(preset.head_side, facts));
    return;
  }
  const int largest = at_most(preset.largest_side, facts);
  set_side(r, largest);
  if (request.epochs > 0) {
    r.reasons.push_back(fmt::format("input {}x{} by preset {}", largest, largest, preset.name));
    return;
  }
  for (int s = largest; s >= 64; s -= 16) {
    set_side(r, s);
    const double epochs =
        request.budget * 0.9 /
        (step_seconds(r) * static_cast<double>(count) / static_cast<double>(r.batch_size));
    if (epochs >= preset.fewest_epochs || s == 64) {
      r.reasons.push_back(
          fmt::format("input {}x{}: about {:.0f} epochs fit the budget", s, s, epochs));
      return;
    }
    // Cost grows with the square of the side: sizes that cannot fit either are not tried.
    const double affordable = s * std::sqrt(epochs / preset.fewest_epochs);
    while (s - 16 > 64 && s - 16 > affordable * 1.1) s -= 16;
  }
}

void choose_augmentation(ClassifyRecipe& r, const PictureCache& cache,
                         const ClassifyRequest& request) {
  const Symmetry symmetry = find_symmetry(cache, request.seed);
  const bool small = r.preprocess.width <= kSmallSide;
  r.augmentation.horizontal_flip = symmetry.horizontal ? 0.5f : 0.0f;
  r.augmentation.vertical_flip = symmetry.vertical ? 0.5f : 0.0f;
  r.reasons.push_back(
      fmt::format("mirroring left-right {} (a network tells mirrored pictures with {:.0f} %), "
                  "top-bottom {} ({:.0f} %)",
                  symmetry.horizontal ? "on" : "off", 100 * symmetry.horizontal_accuracy,
                  symmetry.vertical ? "on" : "off", 100 * symmetry.vertical_accuracy));
  vision::RandomAffine affine;
  // Small pictures are shapes, which may lean; on large ones fine detail counts, which turning
  // blurs.
  affine.degrees = small ? 12.0f : 6.0f;
  affine.translate = small ? 0.1f : 0.04f;
  affine.scale_min = small ? 0.88f : 0.93f;
  affine.scale_max = small ? 1.12f : 1.07f;
  affine.shear = small ? 8.0f : 0.0f;
  // Moved-in borders get the mean colour: no edge that the network could learn.
  const auto moments = cache.moments();
  for (std::size_t c = 0; c < 3; ++c)
    affine.fill[c] =
        static_cast<std::uint8_t>(std::clamp(moments.mean[c] * 255 + 0.5f, 0.0f, 255.0f));
  if (small) {
    // The border of a small picture is its background.
    const vision::Image first = cache.get(0);
    for (std::size_t c = 0; c < 3; ++c)
      affine.fill[c] =
          first.pixels[std::min<std::size_t>(c, static_cast<std::size_t>(first.channels - 1))];
  }
  r.augmentation.affine = affine;
  vision::ColorJitter jitter;
  jitter.brightness = 0.15f;
  jitter.contrast = 0.15f;
  jitter.saturation = r.preprocess.channels == 3 ? 0.15f : 0.0f;
  r.augmentation.jitter = jitter;
}

void choose_class_weights(ClassifyRecipe& r, const data::ImageDataset& dataset,
                          const data::Split& split) {
  if (dataset.multi_label) return;
  const std::vector<std::int64_t> counts = data::class_counts(dataset, split.train);
  const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
  if (*most * 2 <= *fewest * 3) return;
  r.class_weights = data::inverse_frequency_weights(counts);
  // Square root: full inverse frequency lets a class of three pictures shout down the rest.
  double sum = 0;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    r.class_weights[c] = std::sqrt(r.class_weights[c]);
    sum += static_cast<double>(r.class_weights[c]) * static_cast<double>(counts[c]);
  }
  for (float& w : r.class_weights)
    w *= static_cast<float>(static_cast<double>(split.train.size()) / sum);
  r.reasons.push_back(fmt::format(
      "classes are unbalanced ({} to {} pictures): rarer classes weigh more", *fewest, *most));
}

// A file that cannot be understood is a matter of the model, not of the data.
TensorMap read_weights(const std::filesystem::path& path) {
  try {
    return io::load_weights(path);
  } catch (const IoError&) {
    throw;
  } catch (const Error& e) {
    throw RefusalError(
        {"weights-not-readable",
         Exit::model,
         {"The weights file cannot be read", "无法读取权重文件"},
         path.string(),
         {e.what(), e.what()},
         {"give a .safetensors file, or a .pth, .pt or .th file that holds tensors only",
          "请提供 .safetensors 文件，或只包含张量的 .pth、.pt、.th 文件"}});
  }
}

// The model whose trunk has the names and shapes of the weights; `asked` names it when it is not
// empty.
const vision::ModelInfo& identify(const TensorMap& weights, const std::filesystem::path& path,
                                  const std::string& asked) {
  const vision::ModelInfo* best = nullptr;
  double best_share = 0;
  for (const vision::ModelInfo& info : vision::model_list()) {
    if (!asked.empty() && info.name != asked) continue;
    const auto model = vision::make_model(info.name, {.num_classes = 2});
    const TensorMap own = model->state_dict();
    std::size_t fits = 0;
    for (const auto& [name, tensor] : own) {
      const auto found = weights.find(name);
      fits += found != weights.end() && found->second.shape() == tensor.shape();
    }
    // Of both: a deeper model has all names of a shallower one.
    const double share =
        static_cast<double>(fits) / static_cast<double>(std::max(own.size(), weights.size()));
    if (share > best_share) {
      best = &info;
      best_share = share;
    }
  }
  if (best && best_share >= 0.6) return *best;
  std::string names;
  for (const vision::ModelInfo& info : vision::model_list())
    names += (names.empty() ? "" : ", ") + info.name;
  const std::string near = best ? fmt::format("{} of the names fit the nearest, {}",
                                              fmt::format("{:.0f} %", 100 * best_share), best->name)
                                : "none of the names fits";
  throw RefusalError(
      {"weights-do-not-fit",
       Exit::model,
       {"The weights belong to no model that athanor has", "这些权重不属于 athanor 支持的任何模型"},
       path.string(),
       {fmt::format("{} tensors; {}", weights.size(), near),
        fmt::format("共 {} 个张量；最接近的模型只匹配 {:.0f} %", weights.size(), 100 * best_share)},
       {"give weights of one of: " + names, "请提供以下模型之一的权重：" + names}});
}

// What is trained, where pretrained weights leave a choice.
void choose_tune(ClassifyRecipe& r, const data::ImageDataset& dataset, const data::Split& split,
                 const ClassifyRequest& request, int head_side, const ClassifyOptions& options,
                 std::chrono::steady_clock::time_point started) {
  const bool pretrained = r.builtin_weights || !r.weights.empty();
  if (request.tune == Tune::head && !pretrained)
    throw RefusalError(
        {"head-needs-weights",
         Exit::usage,
         {"Only the classifier cannot be trained of a network that knows nothing yet",
          "没有预训练权重的网络不能只训练分类层"},
         "--tune head",
         {fmt::format("there are no pretrained weights for {}", r.model),
          fmt::format("模型 {} 没有预训练权重", r.model)},
         {"give --weights FILE, or leave --tune away", "请加上 --weights 文件，或去掉 --tune"}});
  if (request.tune == Tune::head) r.tune = Tune::head;
  if (request.tune != Tune::choose || !pretrained || request.epochs > 0 ||
      static_cast<std::int64_t>(split.train.size()) > kFew)
    return;
  const double spent =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  const double seconds = kTrialShare * (request.budget - spent);
  if (seconds >= kShortestTrial) try_tunes(r, head_side, dataset, split, seconds, options);
}

}  // namespace

Tune tune_from_name(const std::string& name) {
  if (name == "auto") return Tune::choose;
  if (name == "head") return Tune::head;
  if (name == "all") return Tune::all;
  raise<ValueError>("nothing to tune is named '{}'; there are auto, head, all", name);
}
std::string name_of(Tune tune) {
  return tune == Tune::choose ? "auto" : tune == Tune::head ? "head" : "all";
}

Preset preset_from_name(const std::string& name) {
  for (int i = 0; i < 3; ++i)
    if (name == kPresets[i].name) return static_cast<Preset>(i);
  raise<ValueError>("no preset is named '{}'; there are fast, balanced, accuracy", name);
}
std::string name_of(Preset preset) { return facts_of(preset).name; }

ClassifyRecipe choose_recipe(const data::ImageDataset& dataset, const data::Split& split,
                             const ClassifyRequest& request, const ClassifyOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  ClassifyRecipe r;
  r.classes = static_cast<int>(dataset.classes.size());
  r.multi_label = dataset.multi_label;
  r.weights = request.weights;
  r.budget = request.budget;
  r.epochs = request.epochs;
  r.seed = request.seed;
  r.workers = request.workers;
  const PictureFacts facts = picture_facts(dataset, split.train);
  const auto count = static_cast<std::int64_t>(split.train.size());
  r.preprocess.channels = facts.gray ? 1 : 3;
  const bool small = std::max(facts.median_width, facts.median_height) <= kSmallSide;
  r.model = !request.model.empty() ? request.model : small ? "small_cnn" : "resnet18_slim";
  r.reasons.push_back(fmt::format("{} training pictures, {} classes, {}", count, r.classes,
                                  facts.gray ? "grey" : "colour"));
  // Few pictures: small batches, or there would be too few steps.
  r.batch_size = count >= 4000 ? 64 : count >= 1600 ? 48 : count >= 600 ? 32 : 16;
  r.learning_rate = small ? 2e-3 : 1e-3;
  r.batch_size = std::max<std::int64_t>(2, std::min(r.batch_size, count / 4));
  if (!request.weights.empty()) {
    const vision::ModelInfo& info =
        identify(read_weights(request.weights), request.weights, request.model);
    r.model = info.name;
    r.preprocess.channels = 3;
    // What torchvision's and the public CIFAR weights were trained with.
    r.preprocess.mean = {0.485f, 0.456f, 0.406f};
    r.preprocess.std = {0.229f, 0.224f, 0.225f};
    r.learning_rate = 1e-3;
    r.reasons.push_back(
        fmt::format("starts from {} ({})", request.weights.filename().string(), info.name));
    if (info.input_size <= 64) {
      set_side(r, static_cast<int>(info.input_size));
    } else {
      choose_size(r, facts, count, request);
    }
  } else {
    r.builtin_weights = !request.from_scratch && vision::has_builtin_weights(r.model);
    if (r.builtin_weights)
      r.reasons.push_back(fmt::format("starts from athanor's own weights of {}", r.model));
    choose_size(r, facts, count, request);
  }
  const int side = std::max(r.preprocess.width, r.preprocess.height);
  const PictureCache cache(dataset, split.train, r.preprocess.channels, side * 9 / 8);
  if (request.weights.empty()) {
    const auto moments = cache.moments();
    r.preprocess.mean = moments.mean;
    r.preprocess.std = moments.std;
  }
  choose_augmentation(r, cache, request);
  choose_class_weights(r, dataset, split);
  // Networks for small pictures keep their own size.
  const int head_side = small || vision::find_model(r.model)->input_size <= 64
                            ? r.preprocess.width
                            : at_most(facts_of(request.preset).head_side, facts);
  choose_tune(r, dataset, split, request, head_side, options, started);
  return r;
}

void to_json(json& j, const ClassifyRecipe& r) {
  j = json{{"model", r.model},
           {"classes", r.classes},
           {"multi_label", r.multi_label},
           {"preprocess", r.preprocess},
           {"augmentation", r.augmentation},
           {"mixup", r.mixup},
           {"cutmix", r.cutmix},
           {"batch_size", r.batch_size},
           {"optimizer", r.optimizer},
           {"learning_rate", r.learning_rate},
           {"weight_decay", r.weight_decay},
           {"warmup", r.warmup},
           {"label_smoothing", r.label_smoothing},
           {"ema_decay", r.ema_decay},
           {"class_weights", r.class_weights},
           {"weights", r.weights.string()},
           {"builtin_weights", r.builtin_weights},
           {"tune", name_of(r.tune)},
           {"budget", r.budget},
           {"epochs", r.epochs},
           {"max_epochs", r.max_epochs},
           {"patience", r.patience},
           {"seed", r.seed},
           {"workers", r.workers},
           {"reasons", r.reasons}};
}

void from_json(const json& j, ClassifyRecipe& r) {
  j.at("model").get_to(r.model);
  j.at("classes").get_to(r.classes);
  j.at("multi_label").get_to(r.multi_label);
  r.preprocess = j.at("preprocess").get<vision::Preprocess>();
  r.augmentation = j.at("augmentation").get<vision::Augmentation>();
  j.at("mixup").get_to(r.mixup);
  j.at("cutmix").get_to(r.cutmix);
  j.at("batch_size").get_to(r.batch_size);
  j.at("optimizer").get_to(r.optimizer);
  j.at("learning_rate").get_to(r.learning_rate);
  j.at("weight_decay").get_to(r.weight_decay);
  j.at("warmup").get_to(r.warmup);
  j.at("label_smoothing").get_to(r.label_smoothing);
  j.at("ema_decay").get_to(r.ema_decay);
  j.at("class_weights").get_to(r.class_weights);
  r.weights = j.at("weights").get<std::string>();
  j.at("builtin_weights").get_to(r.builtin_weights);
  r.tune = tune_from_name(j.at("tune").get<std::string>());
  j.at("budget").get_to(r.budget);
  j.at("epochs").get_to(r.epochs);
  j.at("max_epochs").get_to(r.max_epochs);
  j.at("patience").get_to(r.patience);
  j.at("seed").get_to(r.seed);
  j.at("workers").get_to(r.workers);
  j.at("reasons").get_to(r.reasons);
}

}  // namespace athanor::train
