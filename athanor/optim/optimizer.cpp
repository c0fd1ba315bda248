#include "athanor/optim/optimizer.hpp"

#include <fmt/ranges.h>

#include <cmath>

#include "athanor/optim/kernels.hpp"

namespace athanor::optim {

namespace {

constexpr const char* kStep = "step";

AdamOptions checked(const char* name, AdamOptions options) {
  require(options.beta1 >= 0 && options.beta1 < 1 && options.beta2 >= 0 && options.beta2 < 1,
          "{}: beta1 and beta2 must be in [0, 1), not {} and {}", name, options.beta1,
          options.beta2);
  require(options.epsilon >= 0, "{}: epsilon must not be negative, it is {}", name,
          options.epsilon);
  return options;
}

}  // namespace

Optimizer::Optimizer(std::vector<ParameterGroup> groups, std::vector<std::string> states)
    : groups_(std::move(groups)), arena_(groups_), state_names_(std::move(states)) {
  for (const ParameterGroup& group : groups_)
    require(std::isfinite(group.weight_decay) && group.weight_decay >= 0 &&
                std::isfinite(group.learning_rate_scale) && group.learning_rate_scale >= 0,
            "optimiser: weight decay {} and learning rate scale {} must not be negative",
            group.weight_decay, group.learning_rate_scale);
  steps_.resize(arena_.entries().size());
  for (std::size_t b = 0; b < arena_.buffers().size(); ++b) {
    states_.emplace_back();
    for (std::size_t s = 0; s < state_names_.size(); ++s)
      states_.back().push_back(arena_.make_state(b));
  }
}

void Optimizer::step(double learning_rate, double gradient_scale) {
  require(std::isfinite(learning_rate) && learning_rate >= 0,
          "optimiser: the learning rate must not be negative, it is {}", learning_rate);
  const auto ranges =
      arena_.ranges([this](std::size_t a, std::size_t b) { return steps_[a] == steps_[b]; });
  for (const ParameterArena::Range& r : ranges) {
    const ParameterGroup& group = groups_[r.group];
    for (std::size_t i = r.first; i < r.last; ++i) ++steps_[i];
    const ParameterArena::Buffer& buffer = arena_.buffers()[r.buffer];
    update({buffer, r.begin, r.end, learning_rate * group.learning_rate_scale, group.weight_decay,
            gradient_scale, steps_[r.first], states_[r.buffer]});
    buffer.values.storage()->bump_version();
  }
}

TensorMap Optimizer::state() const {
  TensorMap out;
  for (std::size_t i = 0; i < arena_.entries().size(); ++i) {
    const ParameterArena::Entry& e = arena_.entries()[i];
    for (std::size_t s = 0; s < state_names_.size(); ++s)
      out.emplace(state_names_[s] + "/" + e.name, ParameterArena::part(states_[e.buffer][s], e));
    out.emplace(fmt::format("{}/{}", kStep, e.name),
                Tensor::from(std::vector<std::int64_t>{steps_[i]}, {}));
  }
  return out;
}

void Optimizer::load_state(const TensorMap& state) {
  const TensorMap own = this->state();
  std::vector<std::string> problems;
  for (const auto& [name, target] : own) {
    const auto found = state.find(name);
    if (found == state.end()) {
      problems.push_back(name + " is missing");
    } else if (!(found->second.shape() == target.shape()) ||
               found->second.dtype() != target.dtype()) {
      problems.push_back(
          fmt::format("{} is {}, not {}", name, describe(found->second), describe(target)));
    }
  }
  for (const auto& [name, tensor] : state)
    if (!own.contains(name)) problems.push_back(name + " is unexpected");
  require(problems.empty(), "the state does not fit the optimiser: {}", fmt::join(problems, "; "));
  for (const auto& [name, target] : own) target.copy_from(state.at(name));
  for (std::size_t i = 0; i < steps_.size(); ++i)
    steps_[i] =
        *state.at(fmt::format("{}/{}", kStep, arena_.entries()[i].name)).data<std::int64_t>();
}

Sgd::Sgd(std::vector<ParameterGroup> groups, SgdOptions options)
    : Optimizer(std::move(groups), options.momentum == 0 ? std::vector<std::string>{}
                                                         : std::vector<std::string>{"momentum"}),
      options_(options) {
  require(options.momentum >= 0 && options.momentum < 1, "Sgd: momentum must be in [0, 1), not {}",
          options.momentum);
  require(!options.nesterov || options.momentum > 0, "Sgd: Nesterov's form needs momentum");
}

void Sgd::update(const Slice& s) {
  sgd_step({s.buffer.values, s.buffer.gradients, s.begin, s.end, s.gradient_scale},
           s.states.empty() ? Tensor() : s.states[0],
           {s.learning_rate, s.weight_decay, options_.momentum, options_.nesterov});
}

Adam::Adam(std::vector<ParameterGroup> groups, AdamOptions options)
    : Optimizer(std::move(groups), {"mean", "square"}), options_(checked("Adam", options)) {}

AdamW::AdamW(std::vector<ParameterGroup> groups, AdamOptions options)
    : Optimizer(std::move(groups), {"mean", "square"}), options_(checked("AdamW", options)) {}

namespace {

AdamStep adam_numbers(const AdamOptions& o, double learning_rate, double weight_decay,
                      std::int64_t step, bool decoupled) {
  const auto t = static_cast<double>(step);
  return {learning_rate,
          weight_decay,
          o.beta1,
          o.beta2,
          o.epsilon,
          1 - std::pow(o.beta1, t),
          1 - std::pow(o.beta2, t),
          decoupled};
}

}  // namespace

void Adam::update(const Slice& s) {
  adam_step({s.buffer.values, s.buffer.gradients, s.begin, s.end, s.gradient_scale}, s.states[0],
            s.states[1], adam_numbers(options_, s.learning_rate, s.weight_decay, s.step, false));
}

void AdamW::update(const Slice& s) {
  adam_step({s.buffer.values, s.buffer.gradients, s.begin, s.end, s.gradient_scale}, s.states[0],
            s.states[1], adam_numbers(options_, s.learning_rate, s.weight_decay, s.step, true));
}

namespace {

std::vector<std::string> rmsprop_states(const RmspropOptions& o) {
  std::vector<std::string> names{"square"};
  if (o.centered) names.push_back("mean");
  if (o.momentum != 0) names.push_back("momentum");
  return names;
}

}  // namespace

Rmsprop::Rmsprop(std::vector<ParameterGroup> groups, RmspropOptions options)
    : Optimizer(std::move(groups), rmsprop_states(options)), options_(options) {
  require(options.decay >= 0 && options.decay < 1 && options.momentum >= 0 && options.momentum < 1,
          "Rmsprop: decay and momentum must be in [0, 1), not {} and {}", options.decay,
          options.momentum);
  require(options.epsilon >= 0, "Rmsprop: epsilon must not be negative, it is {}", options.epsilon);
}

void Rmsprop::update(const Slice& s) {
  const Tensor mean = options_.centered ? s.states[1] : Tensor();
  const Tensor momentum = options_.momentum != 0 ? s.states.back() : Tensor();
  rmsprop_step(
      {s.buffer.values, s.buffer.gradients, s.begin, s.end, s.gradient_scale}, s.states[0], mean,
      momentum,
      {s.learning_rate, s.weight_decay, options_.decay, options_.epsilon, options_.momentum});
}

Adagrad::Adagrad(std::vector<ParameterGroup> groups, AdagradOptions options)
    : Optimizer(std::move(groups), {"sum"}), options_(options) {
  require(options.learning_rate_decay >= 0 && options.epsilon >= 0 && options.initial >= 0,
          "Adagrad: learning_rate_decay {}, epsilon {} and initial {} must not be negative",
          options.learning_rate_decay, options.epsilon, options.initial);
}

void Adagrad::update(const Slice& s) {
  const double rate =
      s.learning_rate / (1 + static_cast<double>(s.step - 1) * options_.learning_rate_decay);
  adagrad_step({s.buffer.values, s.buffer.gradients, s.begin, s.end, s.gradient_scale}, s.states[0],
               {rate, s.weight_decay, options_.epsilon, options_.initial});
}

Lion::Lion(std::vector<ParameterGroup> groups, LionOptions options)
    : Optimizer(std::move(groups), {"mean"}), options_(options) {
  require(options.beta1 >= 0 && options.beta1 < 1 && options.beta2 >= 0 && options.beta2 < 1,
          "Lion: beta1 and beta2 must be in [0, 1), not {} and {}", options.beta1, options.beta2);
}

void Lion::update(const Slice& s) {
  lion_step({s.buffer.values, s.buffer.gradients, s.begin, s.end, s.gradient_scale}, s.states[0],
            {s.learning_rate, s.weight_decay, options_.beta1, options_.beta2});
}

}  // namespace athanor::optim
