#include "athanor/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/io/checkpoint.hpp"
#include "athanor/nn/random_scope.hpp"
#include "athanor/optim/clip.hpp"
#include "athanor/optim/schedule.hpp"

namespace athanor::train {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TensorMap copies(const TensorMap& map) {
  TensorMap out;
  for (const auto& [name, tensor] : map) {
    Tensor copy = Tensor::empty(tensor.shape(), tensor.dtype());
    copy.copy_from(tensor);
    out.emplace(name, copy);
  }
  return out;
}

}  // namespace

struct Trainer::State {
  nn::Module& model;
  optim::Optimizer& optimizer;
  Task& task;
  TrainerOptions options;
  std::vector<std::shared_ptr<Listener>> listeners;
  const std::atomic<bool>* stop = nullptr;
  std::unique_ptr<optim::Ema> ema;

  // What a checkpoint holds besides the tensors.
  std::int64_t step = 0;
  std::int64_t total_steps = 0;  ///< the plan; 0: not made yet
  double earlier_seconds = 0;    ///< of training before this session
  double best_accuracy = -1;
  std::int64_t since_best = 0;  ///< validations without a better one

  Clock::time_point started = Clock::now();
  Clock::time_point saved = Clock::now();
  double calibration_seconds = 0;
  double loss_sum = 0;
  std::int64_t loss_count = 0;
  double last_loss = 0;
  double step_seconds = 0;  ///< running mean of recent steps

  State(nn::Module& m, optim::Optimizer& o, Task& t, TrainerOptions opts)
      : model(m), optimizer(o), task(t), options(std::move(opts)) {
    require(options.epochs > 0 || options.budget > 0,
            "trainer: give a number of epochs or a budget of seconds");
    require(task.steps_per_epoch() > 0, "trainer: there is no batch to train on");
    if (options.ema_decay > 0)
      ema = std::make_unique<optim::Ema>(optimizer.arena(), model.buffers(),
                                         optim::EmaOptions{.decay = options.ema_decay});
  }

  double elapsed() const { return earlier_seconds + since(started); }
  bool asked_to_stop() const { return stop && stop->load(std::memory_order_relaxed); }
  std::int64_t epochs_planned() const {
    return (total_steps + task.steps_per_epoch() - 1) / task.steps_per_epoch();
  }

  void tell(Event::Kind kind, std::string text = {}, double accuracy = -1) {
    Event e;
    e.kind = kind;
    e.step = step;
    e.total_steps = total_steps;
    e.epoch = step / task.steps_per_epoch();
    e.total_epochs = epochs_planned();
    if (loss_count > 0) last_loss = loss_sum / static_cast<double>(loss_count);
    e.loss = last_loss;
    e.learning_rate = step > 0 ? rate(step - 1) : 0;
    e.items_per_second =
        step_seconds > 0 ? static_cast<double>(task.items_per_step()) / step_seconds : 0;
    e.elapsed = elapsed();
    e.remaining = step_seconds * static_cast<double>(total_steps - step);
    e.accuracy = accuracy;
    e.text = std::move(text);
    for (const auto& listener : listeners) listener->on(e);
    if (kind != Event::Kind::step || loss_count >= task.steps_per_epoch()) {
      loss_sum = 0;
      loss_count = 0;
    }
  }

  double rate(std::int64_t at) const {
    optim::Schedule schedule;
    schedule.kind = optim::Schedule::Kind::cosine;
    schedule.base = options.learning_rate;
    schedule.total_steps = std::max<std::int64_t>(total_steps, 2);
    schedule.warmup_steps = std::min(
        schedule.total_steps - 1,
        static_cast<std::int64_t>(options.warmup * static_cast<double>(schedule.total_steps)));
    schedule.final_factor = options.final_rate;
    return schedule(at);
  }

  void train_step() {
    const nn::RandomScope scope(options.seed, static_cast<std::uint64_t>(step));
    optimizer.zero_grad();
    const Tensor loss = task.next_loss();
    autograd::backward(loss);
    const double value = loss.item();
    if (!std::isfinite(value)) {
      throw RefusalError(
          {"loss-not-finite",
           Exit::data,
           {"The training diverged: the loss is no longer a number",
            "训练发散：损失值已不是有限数"},
           fmt::format("step {}", step),
           {fmt::format("learning rate {:.3g}, loss {}", rate(step), value),
            fmt::format("学习率 {:.3g}，损失 {}", rate(step), value)},
           {"run again with another --seed, or lower the learning rate in the recipe",
            "换一个 --seed 重试，或降低学习率"}});
    }
    if (options.clip_norm > 0) optim::clip_gradient_norm(optimizer.arena(), options.clip_norm);
    optimizer.step(rate(step));
    if (ema) ema->update();
    loss_sum += value;
    ++loss_count;
  }

  // Steps on throw-away copies of the weights tell the speed; then everything is as it was. So the
  // plan is made before the first step, and the steps do not depend on how it was made.
  void make_plan() {
    if (options.epochs > 0) {
      total_steps = options.epochs * task.steps_per_epoch();
      return;
    }
    const TensorMap weights = copies(model.state_dict()), momenta = copies(optimizer.state());
    std::unique_ptr<optim::Ema> kept = std::move(ema);
    const Clock::time_point begin = Clock::now();
    total_steps = 1000;
    std::vector<double> times;
    std::int64_t epoch = 0, in_epoch = 0;
    task.start_epoch(0, 0);
    while (!asked_to_stop()) {
      const Clock::time_point t = Clock::now();
      train_step();
      times.push_back(since(t));
      if (++in_epoch == task.steps_per_epoch()) {
        task.start_epoch(++epoch, 0);
        in_epoch = 0;
      }
      const double spent = since(begin);
      if ((times.size() >= 12 && spent > 0.015 * options.budget) || spent > 0.04 * options.budget)
        break;
    }
    // The first steps fill caches and are slower than the rest.
    if (times.size() > 4)
      times.erase(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 4));
    if (times.empty()) {
      total_steps = 0;  // stopped before anything was known; a resumed run plans anew
      ema = std::move(kept);
      return;
    }
    double mean = 0;
    for (double t : times) mean += t / static_cast<double>(times.size());
    ema = std::move(kept);
    model.load_state_dict(weights);
    optimizer.load_state(momenta);
    optimizer.zero_grad();
    loss_sum = 0;
    loss_count = 0;
    calibration_seconds = since(begin);
    const double left = options.budget - calibration_seconds;
    const auto fits = static_cast<std::int64_t>(0.94 * left / mean);
    total_steps = std::clamp<std::int64_t>(fits, 1, options.max_epochs * task.steps_per_epoch());
    step_seconds = mean;
  }

  // A machine that became slower gets fewer steps, so that the schedule still comes to its end in
  // time; one that became clearly faster gets more, while the learning rate is not yet at its end.
  void revise_plan() {
    if (options.budget <= 0 || options.epochs > 0 || step_seconds <= 0) return;
    const double left = options.budget - elapsed();
    const double needed = step_seconds * static_cast<double>(total_steps - step);
    const bool late = needed > left * 1.02,
               early = needed < left * 0.85 && step * 10 < total_steps * 9;
    if (!late && !early) return;
    const std::int64_t fits = step + static_cast<std::int64_t>(0.96 * left / step_seconds);
    const std::int64_t revised =
        std::clamp(fits, step + 1, options.max_epochs * task.steps_per_epoch());
    if (late ? revised >= total_steps : revised <= total_steps) return;
    total_steps = revised;
    tell(Event::Kind::plan);
  }

  void save() {
    if (options.checkpoints.empty()) return;
    io::Checkpoint c;
    for (auto& [name, tensor] : model.state_dict()) c.tensors.emplace("model/" + name, tensor);
    for (auto& [name, tensor] : optimizer.state()) c.tensors.emplace("optimizer/" + name, tensor);
    if (ema)
      for (auto& [name, tensor] : ema->state()) c.tensors.emplace("average/" + name, tensor);
    c.state = {{"step", step},
               {"total_steps", total_steps},
               {"seconds", elapsed()},
               {"best_accuracy", best_accuracy},
               {"since_best", since_best},
               {"steps_per_epoch", task.steps_per_epoch()},
               {"seed", options.seed}};
    io::save_checkpoint(options.checkpoints, c);
    saved = Clock::now();
    tell(Event::Kind::checkpoint);
  }

  bool load() {
    if (options.checkpoints.empty()) return false;
    if (!io::has_checkpoint(options.checkpoints)) return false;
    const io::LoadedCheckpoint found = io::load_checkpoint(options.checkpoints);
    const nlohmann::json& s = found.state;
    require(s.at("steps_per_epoch").get<std::int64_t>() == task.steps_per_epoch() &&
                s.at("seed").get<std::uint64_t>() == options.seed,
            "resume: the checkpoint in {} was made with other data or another seed",
            options.checkpoints.string());
    std::map<std::string, TensorMap> parts;
    for (const auto& [name, tensor] : found.tensors) {
      const std::size_t slash = name.find('/');
      parts[name.substr(0, slash)].emplace(name.substr(slash + 1), tensor);
    }
    model.load_state_dict(parts["model"]);
    optimizer.load_state(parts["optimizer"]);
    if (ema) ema->load_state(parts["average"]);
    step = s.at("step").get<std::int64_t>();
    total_steps = s.at("total_steps").get<std::int64_t>();
    earlier_seconds = s.at("seconds").get<double>();
    best_accuracy = s.at("best_accuracy").get<double>();
    since_best = s.at("since_best").get<std::int64_t>();
    return true;
  }

  /// Returns whether to stop early. `swapped`: the averaged weights are in the model already.
  bool validate(bool swapped = false) {
    std::optional<double> accuracy;
    {
      std::optional<optim::EmaScope> averaged;
      if (ema && !swapped) averaged.emplace(*ema);
      model.eval();
      const NoGrad no_grad;
      accuracy = task.validate();
    }
    model.train();
    if (!accuracy) return false;
    tell(Event::Kind::evaluation, {}, *accuracy);
    if (*accuracy > best_accuracy) {
      best_accuracy = *accuracy;
      since_best = 0;
    } else {
      ++since_best;
    }
    return options.patience > 0 && since_best >= options.patience;
  }

  bool checkpoint_due() const {
    if (options.checkpoints.empty()) return false;
    if (options.checkpoint_steps > 0) return step % options.checkpoint_steps == 0;
    return since(saved) >= options.checkpoint_seconds;
  }

  Ending loop() {
    const std::int64_t per_epoch = task.steps_per_epoch();
    const std::int64_t every = options.validate_every > 0
                                   ? options.validate_every
                                   : std::max<std::int64_t>(1, epochs_planned() / 10);
    std::int64_t epoch = step / per_epoch;
    if (step < total_steps) task.start_epoch(epoch, step % per_epoch);
    while (step < total_steps) {
      const Clock::time_point t = Clock::now();
      train_step();
      ++step;
      const double seconds = since(t);
      step_seconds = step_seconds > 0 ? 0.95 * step_seconds + 0.05 * seconds : seconds;
      tell(Event::Kind::step);
      if (step % per_epoch == 0 && step < total_steps) {
        tell(Event::Kind::epoch);
        epoch = step / per_epoch;
        if (epoch % every == 0 && validate()) return Ending::stopped_early;
        task.start_epoch(epoch, 0);
      }
      if (step % std::max<std::int64_t>(1, per_epoch / 4) == 0) revise_plan();
      if (asked_to_stop()) return Ending::interrupted;
      if (options.budget > 0 && options.epochs == 0 && elapsed() > options.budget)
        return Ending::out_of_time;
      if (checkpoint_due()) save();
    }
    return Ending::finished;
  }
};

Trainer::Trainer(nn::Module& model, optim::Optimizer& optimizer, Task& task, TrainerOptions options)
    : state_(std::make_unique<State>(model, optimizer, task, std::move(options))) {}
Trainer::~Trainer() = default;

void Trainer::add(std::shared_ptr<Listener> listener) {
  state_->listeners.push_back(std::move(listener));
}
void Trainer::set_stop_flag(const std::atomic<bool>* flag) { state_->stop = flag; }
bool Trainer::resume() { return state_->load(); }

TrainerResult Trainer::run() {
  State& s = *state_;
  s.started = s.saved = Clock::now();
  s.model.train();
  if (s.total_steps == 0) {
    s.make_plan();
    if (!s.asked_to_stop()) s.save();
  }
  s.tell(Event::Kind::start);
  TrainerResult result;
  result.ending = s.asked_to_stop() ? Ending::interrupted : s.loop();
  // An interrupted run can go on from here; a finished one can be reported again.
  s.save();
  result.steps = s.step;
  result.epochs = (s.step + s.task.steps_per_epoch() - 1) / s.task.steps_per_epoch();
  result.seconds = s.elapsed();
  if (s.ema && s.step > 0) s.ema->swap();
  s.model.eval();
  if (result.ending == Ending::finished || result.ending == Ending::stopped_early) s.validate(true);
  s.model.eval();
  result.best_accuracy = s.best_accuracy;
  s.tell(Event::Kind::end);
  return result;
}

}  // namespace athanor::train
