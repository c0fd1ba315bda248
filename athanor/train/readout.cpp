#include "athanor/train/readout.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/data/sampler.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/optim/lbfgs.hpp"
#include "athanor/train/pictures.hpp"

namespace athanor::train {

namespace {

constexpr std::array kFactors{0.3, 0.1, 0.03, 0.01,
                              0.003};  // strongest first: each starts from the last
constexpr std::size_t kMostBytes = std::size_t{2} << 30;

/// Statistics of every view of every item, and what is to be said of it. Row: item * views + view.
struct Table {
  std::vector<float> statistics;
  std::vector<float> targets;  // one row an item
  std::int64_t items = 0, views = 0, width = 0, classes = 0;
};

std::vector<Dims> views_of(const ReadoutTask& task) {
  std::vector<Dims> views{{}};
  if (task.mirror_horizontal) views.push_back({3});
  if (task.mirror_vertical) views.push_back({2});
  if (task.mirror_horizontal && task.mirror_vertical) views.push_back({2, 3});
  return views;
}

// Stratified: the pictures of a class are dealt out in a random order.
std::vector<int> deal_folds(const ReadoutTask& task) {
  const auto count = static_cast<std::int64_t>(task.items.size());
  std::vector<int> folds(task.items.size());
  std::vector<int> next(task.dataset.classes.size() + 1);
  for (std::size_t c = 0; c < next.size(); ++c) next[c] = static_cast<int>(c) % kReadoutFolds;
  const data::EpochOrder order(count, task.seed, 0x666f6c64);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(order[i]);
    const std::vector<int>& labels =
        task.dataset.items[static_cast<std::size_t>(task.items[at])].labels;
    int& fold =
        next[labels.empty() ? task.dataset.classes.size() : static_cast<std::size_t>(labels[0])];
    folds[at] = fold;
    fold = (fold + 1) % kReadoutFolds;
  }
  return folds;
}

/// The regularised loss of a linear layer on some rows of the table, columns standardised.
class Objective {
 public:
  Objective(const Table& table, const std::vector<std::int64_t>& items, bool multi_label,
            const std::vector<float>& class_weights)
      : table_(table), multi_label_(multi_label) {
    const auto rows = static_cast<std::int64_t>(items.size()) * table.views;
    const auto width = static_cast<std::size_t>(table.width),
               classes = static_cast<std::size_t>(table.classes);
    statistics_ = Tensor::empty({rows, table.width});
    targets_ = Tensor::empty({rows, table.classes});
    for (std::size_t i = 0; i < items.size(); ++i)
      for (std::int64_t v = 0; v < table.views; ++v) {
        const std::size_t to = i * static_cast<std::size_t>(table.views) +
                               static_cast<std::size_t>(v),
                          from = static_cast<std::size_t>(items[i] * table.views + v);
        std::copy_n(table.statistics.begin() + static_cast<std::ptrdiff_t>(from * width), width,
                    statistics_.data<float>() + to * width);
        std::copy_n(table.targets.begin() +
                        static_cast<std::ptrdiff_t>(static_cast<std::size_t>(items[i]) * classes),
                    classes, targets_.data<float>() + to * classes);
      }
    if (!class_weights.empty()) weights_ = Tensor::from(class_weights, {table.classes});
    standardize(static_cast<std::size_t>(rows), width);
  }

  double operator()(std::span<const double> x, std::span<double> gradient, double factor) const {
    const auto width = static_cast<std::size_t>(table_.width * table_.classes);
    std::vector<float> values(x.begin(), x.end());
    const std::span all(values);
    const Tensor weight = Tensor::from(std::span<const float>(all.first(width)),
                                       {table_.classes, table_.width}),
                 bias = Tensor::from(std::span<const float>(all.subspan(width)), {table_.classes});
    weight.set_requires_grad();
    bias.set_requires_grad();
    const Tensor logits = ops::linear(statistics_, weight, bias);
    const Tensor loss = loss_of(logits, targets_);
    autograd::backward(loss);
    const std::vector<float> by_weight = weight.grad().to_vector<float>(),
                             by_bias = bias.grad().to_vector<float>();
    double penalty = 0;
    for (std::size_t i = 0; i < width; ++i) {
      penalty += x[i] * x[i];
      gradient[i] = static_cast<double>(by_weight[i]) + 2 * factor * x[i];
    }
    for (std::size_t i = 0; i < by_bias.size(); ++i)
      gradient[width + i] = static_cast<double>(by_bias[i]);
    return loss.item() + factor * penalty;
  }

  Tensor loss_of(const Tensor& logits, const Tensor& targets) const {
    if (multi_label_) return nn::bce_with_logits(logits, targets, weights_);
    return nn::cross_entropy(logits, targets, {.weight = weights_});
  }

  const std::vector<float>& center() const { return center_; }
  const std::vector<float>& scale() const { return scale_; }

 private:
  void standardize(std::size_t rows, std::size_t width) {
    center_.resize(width);
    scale_.resize(width);
    float* values = statistics_.data<float>();
    for (std::size_t d = 0; d < width; ++d) {
      double sum = 0, squares = 0;
      for (std::size_t r = 0; r < rows; ++r) sum += static_cast<double>(values[r * width + d]);
      const double mean = sum / static_cast<double>(rows);
      for (std::size_t r = 0; r < rows; ++r) {
        const double away = static_cast<double>(values[r * width + d]) - mean;
        squares += away * away;
      }
      const double deviation = std::sqrt(squares / static_cast<double>(rows));
      center_[d] = static_cast<float>(mean);
      // A statistic that is always the same says nothing.
      scale_[d] = deviation > 1e-6 ? static_cast<float>(1 / deviation) : 0.0f;
      for (std::size_t r = 0; r < rows; ++r)
        values[r * width + d] = (values[r * width + d] - center_[d]) * scale_[d];
    }
  }

  const Table& table_;
  bool multi_label_;
  Tensor statistics_, targets_, weights_;
  std::vector<float> center_, scale_;
};

/// Reads every picture once, in every view.
Table read_table(vision::ReadoutModel& model, const ReadoutTask& task,
                 const std::function<bool(double)>& progress) {
  Table table;
  const std::vector<Dims> views = views_of(task);
  table.items = static_cast<std::int64_t>(task.items.size());
  table.views = static_cast<std::int64_t>(views.size());
  table.width = model.statistic_count();
  table.classes = static_cast<std::int64_t>(task.dataset.classes.size());
  const std::size_t values = static_cast<std::size_t>(table.items * table.views * table.width);
  // The cross-validation holds a second copy of most of it.
  if (2 * values * sizeof(float) > kMostBytes)
    throw RefusalError(
        {"too-many-pictures-for-head",
         Exit::memory,
         {"There are too many pictures to fit only the classifier", "图片过多，无法只训练分类层"},
         task.dataset.origin,
         {fmt::format("{} pictures in {} views of {} numbers need {} MiB; at most {} MiB are used",
                      table.items, table.views, table.width, 2 * values * sizeof(float) >> 20,
                      kMostBytes >> 20),
          fmt::format("{} 张图片、{} 种视图、每个 {} 个数值，需要 {} MiB；上限为 {} MiB",
                      table.items, table.views, table.width, 2 * values * sizeof(float) >> 20,
                      kMostBytes >> 20)},
         {"train the whole network: --tune all", "请训练整个网络：--tune all"}});
  table.statistics.resize(values);
  table.targets.assign(static_cast<std::size_t>(table.items * table.classes), 0.0f);
  for (std::size_t i = 0; i < task.items.size(); ++i)
    for (int label : task.dataset.items[static_cast<std::size_t>(task.items[i])].labels)
      table.targets[i * static_cast<std::size_t>(table.classes) + static_cast<std::size_t>(label)] =
          1;
  const NoGrad no_grad;
  bool stopped = false;
  for_each_prepared(
      task.dataset, task.items, task.preprocess, 32, [&](std::int64_t first, const Tensor& pixels) {
        if (stopped) return;
        for (std::size_t v = 0; v < views.size(); ++v) {
          const Tensor seen = views[v].empty() ? pixels : ops::flip(pixels, views[v]);
          const std::vector<float> rows = model.statistics(seen).to_vector<float>();
          const auto width = static_cast<std::size_t>(table.width);
          for (std::int64_t i = 0; i < pixels.dim(0); ++i)
            std::copy_n(
                rows.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * width),
                width,
                table.statistics.begin() +
                    static_cast<std::ptrdiff_t>(
                        (static_cast<std::size_t>(first + i) * views.size() + v) * width));
        }
        stopped = !progress(static_cast<double>(first + pixels.dim(0)) /
                            static_cast<double>(table.items));
      });
  return table;
}

/// Logits of the first view of an item by weights for columns standardised with center and scale.
std::vector<double> logits_of(const Table& table, std::int64_t item, const Objective& objective,
                              const std::vector<double>& x) {
  const auto width = static_cast<std::size_t>(table.width),
             classes = static_cast<std::size_t>(table.classes);
  const float* row = table.statistics.data() + static_cast<std::size_t>(item * table.views) * width;
  std::vector<double> logits(x.begin() + static_cast<std::ptrdiff_t>(classes * width), x.end());
  for (std::size_t c = 0; c < classes; ++c)
    for (std::size_t d = 0; d < width; ++d)
      logits[c] += x[c * width + d] *
                   static_cast<double>((row[d] - objective.center()[d]) * objective.scale()[d]);
  return logits;
}

bool is_right(const Table& table, std::int64_t item, const std::vector<double>& logits,
              bool multi_label) {
  const float* target = table.targets.data() + item * table.classes;
  if (!multi_label)
    return target[std::max_element(logits.begin(), logits.end()) - logits.begin()] > 0;
  for (std::size_t c = 0; c < logits.size(); ++c)
    if ((logits[c] > 0) != (target[c] > 0)) return false;
  return true;
}

}  // namespace

double ReadoutFit::accuracy() const {
  if (right.empty()) return 0;
  return static_cast<double>(std::count(right.begin(), right.end(), true)) /
         static_cast<double>(right.size());
}

ReadoutFit fit_readout(vision::ReadoutModel& model, const ReadoutTask& task,
                       const std::function<void(double)>& progress, const std::atomic<bool>* stop) {
  require(!task.items.empty(), "fit_readout: there are no pictures");
  model.eval();
  const bool multi_label = task.dataset.multi_label;
  const auto go_on = [&](double share) {
    if (progress) progress(share);
    return !(stop && stop->load(std::memory_order_relaxed));
  };
  ReadoutFit fit;
  // Reading the pictures takes most of the time.
  const Table table = read_table(model, task, [&](double share) { return go_on(0.8 * share); });
  fit.folds = deal_folds(task);
  const auto parameters = static_cast<std::size_t>(table.classes * (table.width + 1));
  std::vector<double> losses(kFactors.size(), 0.0);
  std::vector<std::vector<bool>> right(kFactors.size(), std::vector<bool>(task.items.size()));
  for (int fold = 0; fold < kReadoutFolds; ++fold) {
    std::vector<std::int64_t> seen, held;
    for (std::int64_t i = 0; i < table.items; ++i)
      (fit.folds[static_cast<std::size_t>(i)] == fold ? held : seen).push_back(i);
    if (seen.empty() || held.empty()) continue;
    const Objective objective(table, seen, multi_label, task.class_weights);
    std::vector<double> x(parameters, 0.0);
    for (std::size_t k = 0; k < kFactors.size(); ++k) {
      if (!go_on(0.8 + 0.15 * (fold + static_cast<double>(k) / kFactors.size()) / kReadoutFolds)) {
        fit.interrupted = true;
        return fit;
      }
      optim::minimize_lbfgs(
          [&](auto at, auto gradient) { return objective(at, gradient, kFactors[k]); }, x,
          {.max_iterations = 100, .gradient_tolerance = 1e-4, .change_tolerance = 1e-6});
      const NoGrad no_grad;
      for (std::int64_t item : held) {
        const std::vector<double> logits = logits_of(table, item, objective, x);
        right[k][static_cast<std::size_t>(item)] = is_right(table, item, logits, multi_label);
        const std::vector<float> row(logits.begin(), logits.end());
        const float* target = table.targets.data() + item * table.classes;
        losses[k] += objective
                         .loss_of(Tensor::from(row, {1, table.classes}),
                                  Tensor::from(std::span<const float>(target, row.size()),
                                               {1, table.classes}))
                         .item();
      }
    }
  }
  const std::size_t best =
      static_cast<std::size_t>(std::min_element(losses.begin(), losses.end()) - losses.begin());
  fit.regularization = kFactors[best];
  fit.right = right[best];
  for (double& loss : losses) loss /= static_cast<double>(table.items);
  fit.tried_losses = losses;
  fit.loss = losses[best];

  std::vector<std::int64_t> all(task.items.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  const Objective objective(table, all, multi_label, task.class_weights);
  std::vector<double> x(parameters, 0.0);
  optim::minimize_lbfgs(
      [&](auto at, auto gradient) { return objective(at, gradient, fit.regularization); }, x,
      {.max_iterations = 200, .gradient_tolerance = 1e-5, .change_tolerance = 1e-7});
  const std::vector<float> values(x.begin(), x.end());
  const std::span<const float> found(values);
  const auto weights = static_cast<std::size_t>(table.classes * table.width);
  const NoGrad no_grad;
  model.weight.detach().copy_from(Tensor::from(found.first(weights), {table.classes, table.width}));
  model.bias.detach().copy_from(Tensor::from(found.subspan(weights), {table.classes}));
  model.center.copy_from(Tensor::from(objective.center(), {table.width}));
  model.scale.copy_from(Tensor::from(objective.scale(), {table.width}));
  go_on(1);
  return fit;
}

}  // namespace athanor::train
